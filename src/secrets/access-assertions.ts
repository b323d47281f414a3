/**
 * Finds the application JWTs that Access passes to the origin (`Cf-Access-Jwt-Assertion`,
 * `CF_Authorization`). We never sent them, but if an origin echoes them, they are still credentials for
 * it. They are recognised by their form only: a payload whose audience is an application's tag, or whose
 * issuer is a team.
 */
import type { Cut, Found } from './secret-search.ts';

const maxHeader = 4096;
const maxPayload = 8192;
const maxSignature = 4096;
const minHeader = 8;
const minSignature = 16;
/** `{"` in base64url, with which header and payload begin. */
const begin = 'eyJ';
const dot = 46;
const payloadBegin = Buffer.from(`.${begin}`);

/**
 * Searches for the dot before a payload. Reading in both directions ends at the next dots, so the time is
 * linear.
 */
export function findAccessTokens(input: Uint8Array, isLast: boolean): Found {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const cuts: Cut[] = [];
  let done = 0;
  for (let at = bytes.indexOf(payloadBegin); at >= 0; at = bytes.indexOf(payloadBegin, at + 1)) {
    if (at < done) continue;
    const payload = wordFrom(bytes, at + 1, maxPayload);
    if (bytes[payload] !== dot) continue;
    const to = wordFrom(bytes, payload + 1, maxSignature);
    if (to - payload <= minSignature) continue;
    const from = headerBefore(bytes, at, done);
    if (from === undefined || !isFromAccess(bytes.toString('latin1', at + 1, payload))) continue;
    if (!isLast && to === bytes.length && to - payload <= maxSignature) return { cuts, open: from };
    cuts.push({ from, to });
    done = to;
  }
  return { cuts, open: isLast ? bytes.length : openFrom(bytes, done) };
}

/** Whether `bytes` are exactly one such token. */
export function isAccessToken(bytes: Uint8Array): boolean {
  const { cuts } = findAccessTokens(bytes, true);
  return cuts[0]?.from === 0 && cuts[0].to === bytes.length;
}

/** Where the header that ends at `end` begins: as early as possible, but not before `least`. */
function headerBefore(bytes: Buffer, end: number, least: number): number | undefined {
  const from = wordBefore(bytes, end, Math.max(least, end - maxHeader));
  const found = bytes.subarray(from, end).indexOf(begin);
  return found < 0 || end - from - found < begin.length + minHeader ? undefined : from + found;
}

/** Where a token may begin that extends beyond the end of the input. */
function openFrom(bytes: Buffer, done: number): number {
  const end = bytes.length;
  const last = wordBefore(bytes, end, Math.max(done, end - maxPayload));
  // The input may end in the signature or in the payload; a word that could be either is tried as both.
  if (last > done && bytes[last - 1] === dot) {
    const middle = wordBefore(bytes, last - 1, Math.max(done, last - 1 - maxPayload));
    const header = startsLike(bytes, middle) ? headerEndingAt(bytes, middle - 1, done) : undefined;
    if (header !== undefined) return header;
  }
  if (startsLike(bytes, last)) {
    const header = headerEndingAt(bytes, last - 1, done);
    if (header !== undefined) return header;
  }
  const from = Math.max(last, end - maxHeader);
  const first = bytes.subarray(from, end).indexOf(begin);
  if (first >= 0) return from + first;
  // The input ends within the three letters.
  for (const length of [2, 1]) {
    if (
      end - last >= length &&
      bytes.toString('latin1', end - length, end) === begin.slice(0, length)
    ) {
      return end - length;
    }
  }
  return end;
}

function headerEndingAt(bytes: Buffer, end: number, least: number): number | undefined {
  return end >= least && bytes[end] === dot ? headerBefore(bytes, end, least) : undefined;
}

/** Whether the word at `from`, as far as it has arrived, begins like a payload. */
function startsLike(bytes: Buffer, from: number): boolean {
  const word = bytes.toString('latin1', from, Math.min(from + begin.length, bytes.length));
  return begin.startsWith(word);
}

function wordFrom(bytes: Buffer, from: number, most: number): number {
  let end = from;
  while (end < bytes.length && end - from < most && isWord(bytes[end] ?? 0)) end += 1;
  return end;
}

function wordBefore(bytes: Buffer, end: number, least: number): number {
  let from = Math.max(end, 0);
  while (from > least && isWord(bytes[from - 1] ?? 0)) from -= 1;
  return from;
}

/** The alphabet of base64url (RFC 4648 §5). */
function isWord(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 97 && letter <= 122) || (byte >= 48 && byte <= 57) || byte === 45 || byte === 95
  );
}

function isFromAccess(payload: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null) return false;
    const { aud, iss } = claims as Record<string, unknown>;
    const audiences: unknown[] = Array.isArray(aud) ? aud : [aud];
    return (
      audiences.some((each) => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each)) ||
      (typeof iss === 'string' && /^https:\/\/[\w.-]+\.cloudflareaccess\.(?:com|org)\/?$/.test(iss))
    );
  } catch {
    return false;
  }
}
