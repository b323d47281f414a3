/**
 * Compact JWS (RFC 7515 §7.1) with a JSON object of claims, parsed strictly. `jwt-signature.ts` verifies
 * it.
 */
export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The signing input, ASCII (RFC 7515 §5.1). */
  readonly signed: string;
  readonly signature: Buffer;
}

const maxLength = 16_384;

/** `undefined` for anything other than `header.claims.signature` in unpadded, canonical base64url. */
export function readJwt(text: string): Jwt | undefined {
  if (text.length > maxLength) return undefined;
  const parts = text.split('.');
  const [first, second, third] = parts;
  if (parts.length !== 3 || first === undefined || second === undefined || !third) return undefined;
  const header = readObject(first);
  const claims = readObject(second);
  const signature = fromBase64url(third);
  if (!header || !claims || !signature) return undefined;
  return { header, claims, signed: `${first}.${second}`, signature };
}

/**
 * With `padded`, padding is required; without, it is not allowed. `undefined` when the text is not
 * canonical.
 */
export function fromBase64url(text: string, { padded = false } = {}): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const canonical = bytes.toString('base64url');
  return text === (padded ? canonical.padEnd(Math.ceil(canonical.length / 4) * 4, '=') : canonical)
    ? bytes
    : undefined;
}

function readObject(part: string): Record<string, unknown> | undefined {
  const bytes = fromBase64url(part);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
