/**
 * The public suffix list, in a file of its own because it is large and seldom needed: import it with
 * `import()`. (tldts itself cannot be imported so: bundled, it is CommonJS without named exports.)
 */
import { parse } from 'tldts';

/** Whether `hostname` is a public suffix: strangers have hosts under it. */
export function isPublicSuffix(hostname: string): boolean {
  return parse(hostname, { allowPrivateDomains: true }).domain === null;
}
