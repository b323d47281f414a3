/** `--markdown`: a page as an agent gets it. Anything other than HTML stays as it is. */
import { Readable } from 'node:stream';
import type { Abortable } from '../../abortable.ts';
import { contentKind, decodeText, parseMediaType } from '../../answer/charset.ts';
import { createPageThreads } from '../../answer/page-threads.ts';
import { shownBodyLimit } from '../../answer/present.ts';
import { readBody } from '../../http/body.ts';
import type { HopAnswer } from '../../http/hops.ts';
import type { Concealed, Concealer } from '../../secrets/concealer.ts';

export interface MarkdownBody {
  readonly body: Concealed<Readable>;
  /** Says what of the page is missing. */
  readonly note?: string;
}

/** `undefined` if the media type is not HTML. Throws what reading throws. */
export async function markdownBody(
  answer: HopAnswer,
  concealer: Concealer,
  signal: Abortable,
): Promise<MarkdownBody | undefined> {
  const type = parseMediaType(answer.headers.get('content-type'));
  if (!/^(?:text\/html|application\/xhtml\+xml)$/.test(type.essence)) return undefined;
  const { bytes, complete } = await readBody(answer, { maxBytes: shownBodyLimit, signal });
  const notes = complete ? [] : [`Only the first ${bytes.length} bytes were read.`];
  let body: Buffer = bytes;
  if (contentKind(type, bytes) === 'html') {
    const page = { url: answer.url, secrets: concealer.secrets, conceal: concealer.text };
    const html = concealer.text(decodeText(bytes, type).text);
    const { markdown, note } = await createPageThreads().toMarkdown(html, page);
    body = Buffer.from(`${markdown}\n`);
    if (note) notes.push(note);
  }
  return {
    body: concealer.body(Readable.from([body])),
    ...(notes.length > 0 ? { note: notes.join(' ') } : {}),
  };
}
