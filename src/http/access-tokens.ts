/**
 * The application's JWTs that Access hands to the origin (`Cf-Access-Jwt-Assertion`): we never sent
 * them, but where an origin echoes them they are credentials for it all the same.
 */
const maxHeaderLength = 4096;
const headerBegin = /\beyJ/g;
const payloadAndSignature = /\.(eyJ[\w-]{8,8192})\.[\w-]{16,4096}/y;

/**
 * `text` without the JWTs that are for an application of Access: an audience tag of 64 hex digits.
 * Looked for from the dot before the payload: what is read on both sides ends at the next dots, so
 * that the time is linear.
 */
export function hideAccessTokens(text: string): string {
  let clean = '';
  let done = 0;
  for (let dot = text.indexOf('.eyJ'); dot >= 0; dot = text.indexOf('.eyJ', dot + 1)) {
    if (dot < done) continue;
    payloadAndSignature.lastIndex = dot;
    const payload = payloadAndSignature.exec(text)?.[1];
    const end = payloadAndSignature.lastIndex;
    if (payload === undefined || !isForApplication(payload)) continue;
    const from = headerBefore(text, dot, done);
    if (from === undefined) continue;
    clean += `${text.slice(done, from)}[redacted]`;
    done = end;
  }
  return done === 0 ? text : clean + text.slice(done);
}

/** Where the header begins that ends at `dot`: as early as can be, but not before `least`. */
function headerBefore(text: string, dot: number, least: number): number | undefined {
  let from = dot;
  const earliest = Math.max(least, dot - 'eyJ'.length - maxHeaderLength);
  while (from > earliest && /[\w-]/.test(text.charAt(from - 1))) from -= 1;
  // With the character before it, which may show that a word began earlier.
  const first = Math.max(0, from - 1);
  headerBegin.lastIndex = from - first;
  const found = headerBegin.exec(text.slice(first, dot));
  const begin = found ? first + found.index : dot;
  return dot - begin >= 'eyJ'.length + 8 ? begin : undefined;
}

function isForApplication(payload: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('aud' in claims)) return false;
    const audiences: unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    return audiences.some((each) => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each));
  } catch {
    return false;
  }
}
