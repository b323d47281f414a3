/**
 * Cloudflare's cookies (`CF_Authorization`, `CF_AppSession`, …) are credentials: an agent may not set
 * them, and no cookie jar keeps them.
 */
export function isAccessCookie(name: string): boolean {
  return /^(?:__(?:host|secure)-)?cf[_-]/i.test(name.trim());
}
