/**
 * Resolves host names. `localhost` and names that end in `.localhost` are this machine by definition (RFC
 * 6761 §6.3), so DNS is not asked: a resolver could send them elsewhere, together with credentials that
 * are only allowed over http because loopback is the destination.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

const loopback: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

export function isLocalhost(hostname: string): boolean {
  return /^(?:.+\.)?localhost\.?$/i.test(hostname);
}

export const lookup: LookupFunction = (hostname, options, callback) => {
  if (!isLocalhost(hostname)) {
    // Loaded here, since an address or localhost needs none of it.
    process.getBuiltinModule('node:dns').lookup(hostname, options, callback);
    return;
  }
  const wanted = { IPv4: 4, IPv6: 6 }[String(options.family)] ?? options.family;
  const addresses = wanted ? loopback.filter(({ family }) => family === wanted) : loopback;
  // Asynchronously, as the resolver does.
  process.nextTick(() => {
    if (options.all) callback(null, addresses);
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
  });
};
