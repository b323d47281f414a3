/**
 * The public suffix list, in a file of its own because it is large and seldom needed: load this file with
 * `import()`. (tldts itself cannot be loaded like that, because once bundled it is CommonJS without named
 * exports.)
 */
import { parse } from 'tldts';

/** Whether `hostname` is a public suffix, under which anyone can get a host. */
export function isPublicSuffix(hostname: string): boolean {
  return parse(hostname, { allowPrivateDomains: true }).domain === null;
}
