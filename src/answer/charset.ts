/**
 * Decides whether bytes are text, and in which charset. In order of precedence (WHATWG HTML §13.2.3,
 * Encoding §6): a BOM, the Content-Type, the document's own declaration, UTF-8 if the bytes are valid
 * UTF-8, else windows-1252.
 */

export interface MediaType {
  /** `type/subtype` in lower case; empty when there is none or it is malformed. */
  readonly essence: string;
  readonly charset?: string;
}

export function parseMediaType(field: string | null): MediaType {
  const essence =
    /^\s*([!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+)\s*(?:;|$)/
      .exec(field ?? '')?.[1]
      ?.toLowerCase() ?? '';
  const charset = /;\s*charset\s*=\s*(?:"([^"]{1,40})"|([^\s;"]{1,40}))/i.exec(
    (field ?? '').slice(0, 1000),
  );
  const label = charset?.[1] ?? charset?.[2];
  return label ? { essence, charset: label } : { essence };
}

/** How much of a body is examined, in bytes. */
const sniffedLength = 4096;

export type Content = 'html' | 'text' | 'image' | 'binary';

/** Types that say nothing, so that the content may even be HTML (MIME Sniffing §7). */
const unstated = ['', 'unknown/unknown', 'application/unknown', '*/*'];

/** Image types that hosts show to models. */
export const imageTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/**
 * What kind of content an answer has. There are countless text types, and servers send wrong ones, so all
 * types except HTML's are only hints, and the bytes decide whether they are text.
 */
export function contentKind({ essence, charset }: MediaType, bytes: Uint8Array): Content {
  if (sniffImage(bytes)) return 'image';
  if (looksBinary(bytes)) return 'binary';
  if (essence === 'text/html' || essence === 'application/xhtml+xml') return 'html';
  if (unstated.includes(essence) && looksLikeHtml(bytes)) return 'html';
  if (essence.startsWith('text/') || charset !== undefined) return 'text';
  return looksCompact(bytes) ? 'binary' : 'text';
}

/** The first bytes of PNG, JPEG, GIF and WebP. */
const imageBegins: readonly number[] = [0x89, 0xff, 0x47, 0x52];

/** The type of an image that a model can be shown, by its first bytes, because the header may be wrong. */
export function sniffImage(bytes: Uint8Array): string | undefined {
  if (!imageBegins.includes(bytes[0] ?? 0)) return undefined;
  const head = latin1(bytes, 12);
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'image/gif';
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'image/webp';
  return undefined;
}

export interface DecodedText {
  readonly text: string;
  /** The WHATWG name of the encoding, in lower case. */
  readonly charset: string;
}

export function decodeText(bytes: Uint8Array, { essence, charset }: MediaType): DecodedText {
  const decoder =
    decoderByBom(bytes) ?? decoderByLabel(charset) ?? decoderByDocument(bytes, essence);
  if (decoder) return decodeWith(decoder, bytes);
  // No charset was declared. The text may end in the middle of a character, which `stream` tolerates.
  try {
    return {
      text: new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }),
      charset: 'utf-8',
    };
  } catch {
    return decodeWith(new TextDecoder('windows-1252'), bytes);
  }
}

const c1 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function decodeWith(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): DecodedText {
  const text = decoder.decode(bytes);
  if (decoder.encoding !== 'windows-1252') return { text, charset: decoder.encoding };
  // Some versions of Node decode windows-1252 as Latin-1 (nodejs/node#56542).
  const mended = text.replace(/[\u0080-\u009f]/g, (byte) => c1[byte.charCodeAt(0) - 0x80] ?? byte);
  return { text: mended, charset: decoder.encoding };
}

function decoderByBom(bytes: Uint8Array): InstanceType<typeof TextDecoder> | undefined {
  const a = bytes[0];
  const b = bytes[1];
  const c = bytes[2];
  if (a === 0xef && b === 0xbb && c === 0xbf) return new TextDecoder('utf-8');
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be');
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le');
  return undefined;
}

/** An unknown label counts as none. */
function decoderByLabel(label: string | undefined): InstanceType<typeof TextDecoder> | undefined {
  if (!label) return undefined;
  try {
    return new TextDecoder(label.trim());
  } catch {
    return undefined;
  }
}

/** `<meta charset>`, `<meta http-equiv=content-type>` in HTML, the declaration in XML, `@charset` in CSS. */
function decoderByDocument(
  bytes: Uint8Array,
  essence: string,
): InstanceType<typeof TextDecoder> | undefined {
  const head = latin1(bytes, 4096);
  const xml = /^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(head);
  const css = essence === 'text/css' ? /^@charset "([\w.:-]{1,40})";/.exec(head) : null;
  const isHtml = essence === 'text/html' || essence === 'application/xhtml+xml' || essence === '';
  const meta = isHtml
    ? /<meta\b[^>]{0,200}?\bcharset\s{0,20}=\s{0,20}["']?\s{0,20}([\w.:-]{1,40})/i.exec(head)
    : null;
  const label = (xml ?? css ?? meta)?.[1];
  const decoder = decoderByLabel(label);
  // §13.2.3.2: a declaration that could be read as ASCII cannot be UTF-16.
  return decoder?.encoding.startsWith('utf-16') ? new TextDecoder('utf-8') : decoder;
}

/**
 * MIME Sniffing §7.2: control bytes that do not occur in text. UTF-16 with a BOM is text; a PDF is binary
 * although it may begin like text.
 */
function looksBinary(bytes: Uint8Array): boolean {
  if (decoderByBom(bytes)) return false;
  const head = latin1(bytes, sniffedLength);
  return head.startsWith('%PDF-') || binaryByte.test(head);
}

/** A short message in a binary format may lack control bytes, but it is hardly ever valid UTF-8. */
function looksCompact(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, sniffedLength);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return false;
  } catch {
    return head.filter((byte) => byte >= 0x80).length * 4 > head.length;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const binaryByte = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/;

const firstTag = /^<(?:!doctype html|html|head|body|title|meta|script|table|div|h1|p)\b/i;

/** MIME Sniffing §7.1: after white space and comments, a tag with which only HTML begins. */
function looksLikeHtml(bytes: Uint8Array): boolean {
  let rest = latin1(bytes, 1024).trimStart();
  while (rest.startsWith('<!--')) {
    const end = rest.indexOf('-->', 4);
    if (end < 0) return false;
    rest = rest.slice(end + 3).trimStart();
  }
  return firstTag.test(rest);
}

/** The first bytes as Latin-1 characters. */
function latin1({ buffer, byteOffset, byteLength }: Uint8Array, length: number): string {
  return Buffer.from(buffer, byteOffset, Math.min(byteLength, length)).toString('latin1');
}
