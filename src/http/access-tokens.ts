/**
 * The application's JWTs that Access hands to the origin (`Cf-Access-Jwt-Assertion`): we never sent
 * them, but where an origin echoes them they are credentials for it all the same.
 */
const jwt = /\beyJ[\w-]{8,4096}\.(eyJ[\w-]{8,8192})\.[\w-]{16,4096}/g;

/** `text` without the JWTs that are for an application of Access: an audience tag of 64 hex digits. */
export function hideAccessTokens(text: string): string {
  return text.replace(jwt, (token, payload: string) =>
    isForApplication(payload) ? '[redacted]' : token,
  );
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
