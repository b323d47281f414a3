/**
 * Which URLs a resource covers: the only place that answers this. Servers and proxies read a path in
 * different ways (decoded once or again and again, backslashes as slashes, path parameters dropped), and
 * a dot segment that only some of them see leads out of the resource. So a path that hides one lies
 * within no prefix, only within its whole origin.
 */
import { AccessError } from '../errors.ts';

/** It becomes part of the authorization URL and of a record; slashes at its end have no other bound. */
const longestResource = 8192;

/** Path segments. A URL's session is looked for at each of them, so there has to be a bound. */
export const deepestResource = 32;

/** True when `resource` is `url`'s origin, or a part of it in which `url` lies however it is read. */
export function coversUrl(resource: string, url: URL): boolean {
  return coverageOf(url)(resource);
}

/** As `coversUrl`, for several resources of one URL. */
export function coverageOf(url: URL): (resource: string) => boolean {
  const unclear = hidesDotSegment(url);
  return (resource) => {
    if (resource.length > longestResource || !URL.canParse(resource)) return false;
    const covered = new URL(resource);
    if (covered.origin !== url.origin || covered.username || covered.password) return false;
    if (covered.search || covered.hash) return false;
    const prefix = covered.pathname.replace(/(?<!\/)\/+$/, '');
    if (prefix === '') return true;
    if (unclear) return false;
    if (prefix.split('/').length - 1 > deepestResource) return false;
    return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
  };
}

/**
 * True when some reading of the path has a `..` segment. Those in plain sight, and `%2e%2e` alone, the
 * URL's parser has resolved before; what is left was hidden from it, and no honest name looks like it.
 */
export function hidesDotSegment({ pathname }: URL): boolean {
  if (!/[%;]/.test(pathname)) return false;
  const text = decodeWholly(pathname);
  return text === undefined || text.split(/[/\\]/).some((segment) => doubleDot.test(segment));
}

/** Alone, padded with what some servers strip, or followed by what some take for the path's end. */
const doubleDot = /^[\s\p{C}]*\.\p{C}*\.\s*(?:[;?#\p{C}]|$)/u;

/** So many layers of encoding are undone; nobody wraps an honest name in more. */
const mostLayers = 8;

/** The path without any percent-encoding, in whatever layers it lay; `undefined` for too many. */
function decodeWholly(path: string): string | undefined {
  let bytes = path;
  for (let layer = 0; layer < mostLayers; layer += 1) {
    const decoded = decodeLayer(bytes);
    if (decoded === bytes) return readLeniently(bytes);
    bytes = decoded;
  }
  return undefined;
}

/** One character a byte. `%u002e` is what some servers of Microsoft’s read as well. */
function decodeLayer(bytes: string): string {
  return bytes
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) =>
      Buffer.from(String.fromCharCode(Number.parseInt(hex, 16))).toString('latin1'),
    )
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** UTF-8, with the overlong forms that RFC 3629 §3 forbids, and wide forms read as the plain ones. */
function readLeniently(bytes: string): string {
  const plain = bytes.replace(
    /(?:[\xc0\xc1]|\xe0[\x80\x81]|\xf0\x80[\x80\x81])[\x80-\xbf]/g,
    (form) => {
      const [last = 0, before = 0] = [...Buffer.from(form, 'latin1')].reverse();
      return String.fromCharCode(((before & 1) << 6) | (last & 0x3f));
    },
  );
  return Buffer.from(plain, 'latin1').toString().normalize('NFKC');
}

/** Why a URL whose path hides a dot segment gets no sign-in of a part of its host. */
export function unclearPath({ host }: URL): AccessError {
  return new AccessError(
    'invalid_input',
    `${host} asks for a credential at a path that hides a “..” (encoded, or before a “;”). Some servers would read it as another part of the host than the application’s, so a credential that is for one path alone is not sent there.`,
    'Call again with the plain path that is meant, without encoded dots and slashes (%2e, %2f, %5c) and without “..;”. If the address came from a page or a redirect, do not follow it: tell the person.',
  );
}
