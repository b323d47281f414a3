/**
 * Reads and writes cookies (RFC 6265). Ports do not separate cookies, so on loopback a browser keeps those
 * of the team and of all applications in one jar. Therefore every value of a name is considered, not just
 * the first.
 */

export function cookieValues(header: string | string[] | undefined, name: string): string[] {
  const values: string[] = [];
  for (const line of [header ?? []].flat()) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=');
      if (equals > 0 && pair.slice(0, equals).trim() === name) {
        values.push(pair.slice(equals + 1).trim());
      }
    }
  }
  return values;
}

/** A `Set-Cookie` value as Access writes it, without `Secure`: this is plain http. */
export function accessCookie(name: string, value: string, path: string, seconds: number): string {
  const expires = new Date(Date.now() + seconds * 1000).toUTCString();
  return `${name}=${value}; Expires=${expires}; Path=${path}; HttpOnly; SameSite=Lax`;
}
