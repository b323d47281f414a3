/**
 * Makes a body readable for a model: as text, Markdown or an image; else as a note that says what it is
 * and how to get it.
 */

import { type ReadBody, undecodable } from '../http/body.ts';
import type { Fields } from '../http/fields.ts';
import type { Concealed, Concealer } from '../secrets/concealer.ts';
import { cleanServerText } from '../server-text.ts';
import { contentKind, decodeText, imageTypes, parseMediaType, sniffImage } from './charset.ts';
import type { PageThreads } from './page-threads.ts';

/** `auto` and `markdown` convert HTML to Markdown; `raw` leaves it as it is. */
export type Format = 'auto' | 'raw' | 'markdown';

/**
 * An Accept header that prefers Markdown, which some wikis and documentation sites offer; others send what
 * they have.
 */
export const acceptMarkdown = 'text/markdown, */*;q=0.9';

/** Without text and image, `note` says why. Contains no secret that `concealer` knows. */
export interface Readable {
  readonly text?: Concealed<string>;
  readonly image?: { readonly data: string; readonly mimeType: string };
  readonly note?: string;
}

interface Source {
  readonly url: URL;
  readonly headers: Fields;
}

interface ReadableOptions {
  readonly format: Format;
  /** For the secrets of all hops. */
  readonly concealer: Concealer;
  readonly threads: PageThreads;
  readonly maxImageBytes: number;
}

export async function toReadable(
  { url, headers }: Source,
  body: ReadBody,
  { format, concealer, threads, maxImageBytes }: ReadableOptions,
): Promise<Readable> {
  const { bytes } = body;
  if (bytes.length === 0) return { text: concealer.text('') };
  const coding = undecodable(headers);
  if (coding) return notShown(`content in the coding “${cleanServerText(coding)}”`, body, headers);
  const type = parseMediaType(headers.get('content-type'));
  const kind = contentKind(type, bytes);
  if (kind === 'image') {
    const mimeType = sniffImage(bytes) ?? '';
    const fits = body.complete && bytes.length <= maxImageBytes;
    if (!imageTypes.includes(mimeType) || !fits) {
      return notShown(`an image (${mimeType}) that is too large to show`, body, headers);
    }
    if (concealer.active && !concealer.bytes(bytes).equals(bytes)) {
      return notShown(`an image (${mimeType}) that holds a credential`, body, headers);
    }
    return { image: { data: bytes.toString('base64'), mimeType } };
  }
  if (kind === 'binary') {
    return notShown(`binary content (${type.essence || 'of no stated type'})`, body, headers);
  }
  const text = concealer.text(decodeText(bytes, type).text);
  if (format === 'raw' || kind !== 'html') return { text };
  const { markdown, note } = await threads.toMarkdown(text, {
    url,
    secrets: concealer.secrets,
    conceal: concealer.text,
  });
  return { text: concealer.text(markdown), ...(note ? { note } : {}) };
}

function notShown(what: string, { bytes, complete }: ReadBody, headers: Fields): Readable {
  const length = headers.get('content-length');
  const size = complete
    ? `${bytes.length} bytes`
    : length && /^\d{1,15}$/.test(length) && !headers.has('content-encoding')
      ? `${length} bytes`
      : `more than ${bytes.length} bytes`;
  return {
    note: `The body is ${what}, ${size}, and is not shown. Call again with save_to to put it into a file.`,
  };
}
