/** Cloudflare's cookies (`CF_Authorization`, `CF_AppSession`, …): credentials, never an agent's or a jar's. */
export function isAccessCookie(name: string): boolean {
  return /^(?:__(?:host|secure)-)?cf[_-]/i.test(name.trim());
}
