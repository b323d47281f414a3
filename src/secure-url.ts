/** Where a credential may travel: over https, or over http to this machine (contract: trust, 1). */

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** True for `localhost`, 127.0.0.0/8 and ::1: by name, without asking DNS. */
export function isLoopback(url: URL): boolean {
  return loopbackHost.test(url.hostname);
}

export function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/** `text` as an absolute URL that a request may go to: secure and without credentials in it. */
export function parseSecureUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return isSecure(url) && url.username === '' && url.password === '' ? url : undefined;
}
