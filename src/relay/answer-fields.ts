/** An answer's header fields for the local client. */

import type { Field } from '../http/next-hop.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { type Addresses, localAddress, localAddresses } from './addresses.ts';
import { localSetCookie } from './cookies.ts';
import { hopByHop } from './hop-by-hop.ts';

/**
 * Fields that are true of the origin but not of the local address: alternative protocols, and TLS only.
 */
const ofTheOrigin: readonly string[] = ['alt-svc', 'strict-transport-security'];

/** `without`: further names of fields that no longer apply, in lower case. */
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
  // All values at once, since there is almost never anything to conceal.
  const all = fields.map(([, value]) => value).join('\n');
  if (concealer.text(all) === all) return fields;
  return fields.map(([name, value]) => [name, concealer.text(value)]);
}

/** Fields that Access sends to us or to the origin, which an origin may echo. */
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
    case 'www-authenticate': // a registry's `realm` is the address of its token service
      return localAddresses(value, addresses);
    default:
      return value;
  }
}
