/**
 * Servers and proxies read a path in different ways: decoded once or again and again, backslashes as
 * slashes, path parameters dropped, doubled slashes merged.
 */

/**
 * Of all these differences only a `..` segment that some of them see leads out of a path prefix, so it
 * is what is looked for, in every layer at once. True when some reading of the path has a `..` segment. Those in plain sight, and `%2e%2e` alone, the
 * URL's parser has resolved before; what is left was hidden from it, and no honest name looks like it.
 */
export function hidesDotSegment({ pathname }: URL): boolean {
  if (!/[%;]/.test(pathname)) return false;
  const text = layersOf(pathname)?.at(-1);
  return text === undefined || text.split(/[/\\]/).some((segment) => doubleDot.test(segment));
}

/** Alone, padded with what some servers strip, or followed by what some take for the path's end. */
const doubleDot = /^[\s\p{C}]*\.\p{C}*\.\s*(?:[;?#\p{C}]|$)/u;

/** So many layers of encoding are undone; nobody wraps an honest name in more. */
const mostLayers = 8;

/**
 * The path as it is, then with one layer of percent-encoding less each time, to the last; `undefined`
 * for one that is wrapped in more layers than anybody means.
 */
export function layersOf(path: string): readonly string[] | undefined {
  const layers: string[] = [];
  let bytes = path;
  for (let layer = 0; layer < mostLayers; layer += 1) {
    layers.push(readLeniently(bytes));
    const decoded = decodeLayer(bytes);
    if (decoded === bytes) return layers;
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
