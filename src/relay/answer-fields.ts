/** An answer's fields as the local client is to see them. */

import type { Field } from '../http/next-hop.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { type Addresses, localAddress, localAddresses } from './addresses.ts';
import { localSetCookie } from './cookies.ts';
import { hopByHop } from './hop-by-hop.ts';

/** What an origin may say of itself that is not true of the local address: other protocols, TLS alone. */
const ofTheOrigin: readonly string[] = ['alt-svc', 'strict-transport-security'];

/** `without`: further names that are not true any more, in lower case. */
export function answerFields(
  given: readonly Field[],
  {
    addresses,
    concealer,
    without = [],
  }: {
    readonly addresses: Addresses;
    readonly concealer: Pick<Concealer, 'text'>;
    readonly without?: readonly string[];
  },
): Field[] {
  const ended = hopByHop(given);
  const fields: Field[] = [];
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (ended.has(lower) || isOfAccess(lower)) continue;
    if (ofTheOrigin.includes(lower) || without.includes(lower)) continue;
    const passed = passedBack(lower, value, addresses);
    if (passed !== undefined) fields.push([name, passed]);
  }
  // All at once, since that is what nearly always comes to nothing.
  const all = fields.map(([, value]) => value).join('\n');
  if (concealer.text(all) === all) return fields;
  return fields.map(([name, value]) => [name, concealer.text(value)]);
}

/** Access's words to us or to the origin: an origin that echoes them has no business to. */
function isOfAccess(name: string): boolean {
  return /^cf[-_](?:access[-_]|authorization$)/.test(name);
}

function passedBack(name: string, value: string, addresses: Addresses): string | undefined {
  switch (name) {
    case 'set-cookie':
      return localSetCookie(value);
    case 'location':
    case 'content-location':
      return localAddress(value, addresses);
    case 'access-control-allow-origin':
    case 'link':
    case 'refresh':
    case 'www-authenticate': // a registry's `realm` is where its tokens are to be had
      return localAddresses(value, addresses);
    default:
      return value;
  }
}
