/**
 * Access's own pages on an application's host, `/cdn-cgi/access/…`. They hand out credentials (`cli`
 * delivers the person's tokens to whoever names a public key), or end them (`logout`), and are for
 * the person's browser: no credential of ours is ever sent there.
 */

import { layersOf } from '../http/path-readings.ts';

const accessPages = /^\/+cdn-cgi\/+access(?:\/|$)/i;
/** The one that only tells. */
const whoAmI = '/cdn-cgi/access/get-identity';

/** `path`: as it is sent; it counts in every reading that a server may give it. */
export function isAccessPage(path: string): boolean {
  if (path === whoAmI || !/cdn-cgi|%/i.test(path)) return false;
  const layers = layersOf(path);
  return layers === undefined || layers.some(isAccessPageAsRead);
}

/** With path parameters dropped, and its dot segments resolved or not. */
function isAccessPageAsRead(layer: string): boolean {
  const path = layer.replaceAll('\\', '/').replace(/;[^/]*/g, '');
  const text = `https://host.invalid${path.startsWith('/') ? '' : '/'}${path}`;
  return accessPages.test(path) || (URL.canParse(text) && accessPages.test(new URL(text).pathname));
}
