/**
 * The two names of what is relayed: the origin's own, and the local one under which it is asked here.
 * Addresses are exchanged as text, byte for byte: nothing behind the authority is touched.
 */
export interface Addresses {
  /** The origin that requests are passed on to. */
  readonly remote: URL;
  /** This server as the client has named it, such as `http://127.0.0.1:8080`. */
  readonly local: string;
}

const authority = /^[a-z][a-z\d+.-]*:\/\/[^/?#\\]*/i;

/** An address that an answer names, as the client has to ask for it; others are given back as they are. */
export function localAddress(address: string, { remote, local }: Addresses): string {
  // A reference without a scheme (RFC 3986 §4.2) would lose the origin's TLS here.
  const absolute = address.startsWith('//') ? remote.protocol + address : address;
  const before = authority.exec(absolute)?.[0];
  if (before === undefined || !URL.canParse(before)) return address;
  const { protocol, host, username, password } = new URL(before);
  if (username !== '' || password !== '') return address;
  // Applications behind TLS that ends elsewhere believe that they are asked over http.
  const isRemote = host === remote.host && (protocol === remote.protocol || protocol === 'http:');
  return isRemote ? local + absolute.slice(before.length) : address;
}

/** Every address of the origin's within a text such as a Link field's or a challenge's. */
export function localAddresses(text: string, addresses: Addresses): string {
  return text.replace(/https?:\/\/[^\s"'<>,;]+/gi, (address) => localAddress(address, addresses));
}

/** An address under which the client knows a page of this server, as the origin knows it. */
export function remoteAddress(address: string, { remote, local }: Addresses): string {
  if (address === local) return remote.origin;
  const rest = address.slice(local.length);
  return address.startsWith(local) && /^[/?#]/.test(rest) ? remote.origin + rest : address;
}
