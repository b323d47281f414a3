/**
 * Access's own pages on an application's host, `/cdn-cgi/access/…`. They are meant for the person's
 * browser, and issue credentials (`cli` delivers the person's tokens to whoever supplies a public key) or
 * end them (`logout`), so no credential of ours is ever sent there.
 */

import { layersOf } from '../http/path-readings.ts';
import { parseUrl } from '../secure-url.ts';

const accessPages = /^\/+cdn-cgi\/+access(?:\/|$)/i;
/** The only one that merely reports. */
const whoAmI = '/cdn-cgi/access/get-identity';

/** `path`: as it is sent. True if it is such a page in any reading that a server may apply. */
export function isAccessPage(path: string): boolean {
  if (path === whoAmI || !/cdn-cgi|%/i.test(path)) return false;
  const layers = layersOf(path);
  return layers === undefined || layers.some(isAccessPageAsRead);
}

/** Without path parameters, and with its dot segments both resolved and not. */
function isAccessPageAsRead(layer: string): boolean {
  const path = layer.replaceAll('\\', '/').replace(/;[^/]*/g, '');
  const text = `https://host.invalid${path.startsWith('/') ? '' : '/'}${path}`;
  const resolved = parseUrl(text)?.pathname;
  return accessPages.test(path) || (resolved !== undefined && accessPages.test(resolved));
}
