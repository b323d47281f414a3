/**
 * Access's own pages on an application's host, `/cdn-cgi/access/…`. They hand out credentials (`cli`
 * delivers the person's tokens to whoever names a public key), or end them (`logout`), and are for
 * the person's browser: no credential of ours is ever sent there.
 */

const accessPages = /^\/+cdn-cgi\/+access(?:\/|$)/i;
/** The one that only tells. */
const whoAmI = '/cdn-cgi/access/get-identity';

/** `path`: as it is sent; it counts in every reading that a server may give it. */
export function isAccessPage(path: string): boolean {
  if (path === whoAmI || !/cdn-cgi|%/i.test(path)) return false;
  return readingsOf(path).some((reading) => accessPages.test(reading));
}

/** The path, its dot segments resolved, its escapes undone a few times over, and both. */
function readingsOf(path: string): string[] {
  const readings = new Set<string>();
  let reading = path;
  for (let layer = 0; layer < 4; layer += 1) {
    const slashes = reading.replaceAll('\\', '/').replace(/;[^/]*/g, '');
    readings.add(slashes);
    readings.add(resolved(slashes));
    const next = decoded(reading);
    if (next === reading) break;
    reading = next;
  }
  return [...readings];
}

function resolved(path: string): string {
  const base = 'https://host.invalid';
  const text = base + (path.startsWith('/') ? path : `/${path}`);
  return URL.canParse(text) ? new URL(text).pathname : path;
}

/** Escape by escape, so that one that is no UTF-8 does not keep the others. */
function decoded(path: string): string {
  return path.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
