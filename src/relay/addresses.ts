/**
 * Translates between the origin's addresses and the local ones under which clients reach it here. Only the
 * scheme and authority are replaced, as text; everything after them stays byte for byte.
 */
export interface Addresses {
  /** The origin that requests are passed on to. */
  readonly remote: URL;
  /** This server as the client has addressed it, such as `http://127.0.0.1:8080`. */
  readonly local: string;
}

const authority = /^[a-z][a-z\d+.-]*:\/\/[^/?#\\]*/i;

/** The local form of an address in an answer. Addresses of other hosts are returned unchanged. */
export function localAddress(address: string, { remote, local }: Addresses): string {
  // A reference without a scheme (RFC 3986 §4.2) means the origin's scheme, not the local http.
  const absolute = address.startsWith('//') ? remote.protocol + address : address;
  const before = authority.exec(absolute)?.[0];
  if (before === undefined || !URL.canParse(before)) return address;
  const { protocol, host, username, password } = new URL(before);
  if (username !== '' || password !== '') return address;
  // An application behind a TLS terminator believes that it is reached over http.
  const isRemote = host === remote.host && (protocol === remote.protocol || protocol === 'http:');
  return isRemote ? local + absolute.slice(before.length) : address;
}

/** Translates every address of the origin within a text, such as a Link field or a challenge. */
export function localAddresses(text: string, addresses: Addresses): string {
  return text.replace(/https?:\/\/[^\s"'<>,;]+/gi, (address) => localAddress(address, addresses));
}

/** The origin's form of a local address that the client sent. */
export function remoteAddress(address: string, { remote, local }: Addresses): string {
  if (address === local) return remote.origin;
  const rest = address.slice(local.length);
  return address.startsWith(local) && /^[/?#]/.test(rest) ? remote.origin + rest : address;
}
