/** The texts that give a secret away: the secret itself, its hexadecimal, its base64. */

export interface SecretText {
  readonly bytes: Uint8Array;
  /** The same before it was brought to lower case. */
  readonly original: Uint8Array;
  /** By character, another one that stands for it as well; -1 for none. */
  readonly others: Int16Array;
  /** What counts: the whole, and of a JWT the payload and the signature too. */
  readonly parts: readonly Part[];
  /** The secret itself, whose letters are escaped by some; digits in base 16 and 64 stand as they are. */
  readonly isPlain: boolean;
  readonly isHex: boolean;
  readonly isLower: boolean;
}

export interface Part {
  readonly start: number;
  readonly end: number;
}

const minPartLength = 16;

/**
 * The texts of one secret. `isLower`: for input in lower case. `endings`: where others begin that it
 * ends with, at multiples of three, so that their base64 ends its base64.
 */
export function secretTexts(
  secret: Uint8Array,
  isLower: boolean,
  endings: readonly number[] = [],
): SecretText[] {
  const hex = Buffer.from(Buffer.from(secret).toString('hex'));
  const plain = { isPlain: true, isHex: false, isLower };
  const base64 = { isPlain: false, isHex: false, isLower };
  const starts = [0, ...endings];
  return [
    secretText(secret, plain, starts),
    secretText(
      hex,
      { isPlain: false, isHex: true, isLower },
      starts.map((start) => start * 2),
    ),
    ...[0, 1, 2].map((offset) =>
      secretText(
        Buffer.from(base64Core(secret, offset)),
        base64,
        starts.map((start) => (start / 3) * 4),
      ),
    ),
  ];
}

type Kind = Pick<SecretText, 'isPlain' | 'isHex' | 'isLower'>;

function secretText(original: Uint8Array, kind: Kind, starts: readonly number[]): SecretText {
  const bytes = kind.isLower ? original.map(lowerCase) : original;
  const end = bytes.length;
  const others = new Int16Array(end);
  for (let index = 0; index < end; index += 1) others[index] = otherOf(bytes[index] ?? 0, kind);
  const parts = starts.flatMap((start) =>
    kind.isPlain ? partsOf(bytes, start) : [{ start, end }],
  );
  return { bytes, original, others, parts, ...kind };
}

function lowerCase(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
}

const plus = 43;

function otherOf(byte: number, { isPlain, isHex, isLower }: Kind): number {
  // base64url (RFC 4648 §5), and forms, where a blank becomes a plus sign.
  if (!isPlain && byte === plus) return 45;
  if (!isPlain && byte === 47) return 95;
  if (byte === 32) return plus;
  const letter = byte | 0x20;
  return (isHex || isLower) && letter >= 97 && letter <= 122 ? byte ^ 0x20 : -1;
}

/** Of a JWT the payload and the signature count each: split at its dots, it is put together again. */
function partsOf(bytes: Uint8Array, start: number): Part[] {
  const whole = { start, end: bytes.length };
  const text = Buffer.from(bytes.subarray(start)).toString('latin1');
  const [header, payload, signature, ...more] = text.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return [whole];
  if (!/^eyj/i.test(text)) return [whole];
  const payloadStart = start + (header?.length ?? 0) + 1;
  const signatureStart = payloadStart + payload.length + 1;
  return [
    whole,
    { start: payloadStart, end: payloadStart + payload.length },
    { start: signatureStart, end: bytes.length },
  ].filter(({ start, end }) => end - start >= minPartLength);
}

/**
 * The part of a longer text's base64 that depends on `bytes` alone, when they begin at `offset` modulo 3
 * (RFC 4648 §4: six bits a character).
 */
function base64Core(bytes: Uint8Array, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + bytes.length) * 8) / 6);
  return whole.slice(from, to);
}
