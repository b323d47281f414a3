/** The texts that reveal a secret: the secret itself, its hexadecimal form and its base64. */

export interface SecretText {
  readonly bytes: Uint8Array;
  /** The same before lower-casing. */
  readonly original: Uint8Array;
  /** For each character, another one that may stand for it; -1 for none. */
  readonly others: Int16Array;
  /** The parts that count as the secret: the whole, and for a JWT also the payload and the signature. */
  readonly parts: readonly Part[];
  /**
   * True for the secret itself, whose letters some encoders escape; hexadecimal and base64 are never
   * escaped.
   */
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
 * The texts of one secret. `isLower`: to search lower-cased input. `endings`: the indices of secrets that
 * are suffixes of this one; multiples of three, so that their base64 is a suffix of its base64.
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
  // base64url (RFC 4648 §5), and form encoding, where a space becomes a plus sign.
  if (!isPlain && byte === plus) return 45;
  if (!isPlain && byte === 47) return 95;
  if (byte === 32) return plus;
  const letter = byte | 0x20;
  return (isHex || isLower) && letter >= 97 && letter <= 122 ? byte ^ 0x20 : -1;
}

/**
 * A JWT's payload and signature count separately, because a token that is split at its dots can be
 * reassembled.
 */
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
 * The part of a longer text's base64 that depends only on `bytes`, if they begin at `offset` modulo 3 (RFC
 * 4648 §4: six bits per character).
 */
function base64Core(bytes: Uint8Array, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + bytes.length) * 8) / 6);
  return whole.slice(from, to);
}
