/**
 * The name of a file that nobody has typed: the last part of the URL's path (`-O`), or what the answer
 * calls it (`-J`, RFC 6266). The second is a stranger's word: it names a plain file in this folder,
 * never a path, never one that hides or configures something.
 */
import { fieldText } from '../../http/response-headers.ts';
import { CurlFailure } from './exit-code.ts';

/** As it stands in the URL, percent-encoded. Throws CurlFailure 23 where the path ends in “/”. */
export function nameFromUrl({ pathname, host }: URL): string {
  const name = pathname.slice(pathname.lastIndexOf('/') + 1);
  if (name === '') {
    throw new CurlFailure(
      23,
      `The URL at ${host} has no file name at its end: name the file with --output.`,
    );
  }
  return name;
}

/** `undefined` where the field names none that can be used. */
export function nameFromDisposition(field: string | null): string | undefined {
  if (field === null) return undefined;
  const text = fieldText(field);
  const extended = /(?:^|;)\s*filename\*\s*=\s*([\w-]+)'[^']*'([^\s;]+)/i.exec(text);
  const plain = /(?:^|;)\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(text);
  const name = decoded(extended) ?? plain?.[1]?.replace(/\\(["\\])/g, '$1') ?? plain?.[2];
  return name === undefined ? undefined : plainName(name);
}

/** RFC 8187: UTF-8, percent-encoded. */
function decoded(match: RegExpExecArray | null): string | undefined {
  const [, charset = '', value = ''] = match ?? [];
  if (charset.toLowerCase() !== 'utf-8') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/** The longest name that file systems take, in bytes. */
const longestName = 255;
const reservedOnWindows = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

function plainName(given: string): string | undefined {
  const last = given.slice(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1);
  // Control characters, and those that make a name look like another one.
  const seen = last.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '').trim();
  const safe = process.platform === 'win32' ? seen.replace(/[<>:"|?*]/g, '_') : seen;
  // A name of dots is a folder's, and one that begins with a dot is read by some program unasked.
  const name = safe.replace(/^\.+/, '_').replace(/[. ]+$/, '');
  if (name === '' || /^[_-]+$/.test(name) || Buffer.byteLength(name) > longestName)
    return undefined;
  return reservedOnWindows.test(name) ? `_${name}` : name;
}
