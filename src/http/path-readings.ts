/**
 * Servers and proxies interpret a path differently: decoded once or repeatedly, with backslashes as
 * slashes, without path parameters, or with doubled slashes merged.
 */

/**
 * True when some reading of the path has a `..` segment, which is the only one of these differences that
 * leads out of a path prefix. `parseUrl` has already resolved plain `..` and `%2e%2e`; what is left was
 * hidden from it, and no legitimate name looks like that.
 */
export function hidesDotSegment({ pathname }: URL): boolean {
  if (!/[%;]|\.\./.test(pathname)) return false;
  const text = layersOf(pathname)?.at(-1);
  return text === undefined || text.split(/[/\\]/).some((segment) => doubleDot.test(segment));
}

/**
 * On its own, padded with characters that some servers strip, or followed by what some take for the end of
 * the path.
 */
const doubleDot = /^[\s\p{C}]*\.\p{C}*\.\s*(?:[;?#\p{C}]|$)/u;

/** Layers of encoding that are decoded; no legitimate name has more. */
const mostLayers = 8;

/**
 * The path as it is, then with one layer of percent-encoding less each time. `undefined` for a path with
 * more layers than anybody would intend.
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

/** One character per byte. Some of Microsoft’s servers decode `%u002e` as well. */
function decodeLayer(bytes: string): string {
  return bytes
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) =>
      Buffer.from(String.fromCharCode(Number.parseInt(hex, 16))).toString('latin1'),
    )
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Decodes UTF-8 with the overlong forms that RFC 3629 §3 forbids, and maps full-width characters to plain
 * ones.
 */
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
