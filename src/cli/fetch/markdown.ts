/** `--markdown`: a page as an agent reads it. What is not HTML stays as it is. */
import { Readable } from 'node:stream';
import { readBody } from '../../http/body.ts';
import { createConcealer } from '../../http/conceal.ts';
import type { HopResult } from '../../http/hops.ts';
import { createPageThreads } from '../../http/page-threads.ts';
import { shownBodyLimit } from '../../http/present.ts';
import { contentKind, decodeText, parseMediaType } from '../../http/text.ts';

export interface MarkdownBody {
  readonly body: Readable;
  /** What of the page is missing. */
  readonly note?: string;
}

/** `undefined` for what its type says is no HTML. Throws what reading throws. */
export async function markdownBody(
  { answer, secrets }: Pick<HopResult, 'answer' | 'secrets'>,
  signal: AbortSignal,
): Promise<MarkdownBody | undefined> {
  const type = parseMediaType(answer.headers.get('content-type'));
  if (!/^(?:text\/html|application\/xhtml\+xml)$/.test(type.essence)) return undefined;
  const { bytes, complete } = await readBody(answer, { maxBytes: shownBodyLimit, signal });
  const notes = complete ? [] : [`Only the first ${bytes.length} bytes were read.`];
  const concealer = createConcealer(secrets);
  let body = concealer.bytes(bytes);
  if (contentKind(type, bytes) === 'html') {
    const page = { url: answer.url, secrets, conceal: concealer.text };
    const html = concealer.text(decodeText(bytes, type).text);
    const { markdown, note } = await createPageThreads().toMarkdown(html, page);
    body = Buffer.from(`${concealer.text(markdown)}\n`);
    if (note) notes.push(note);
  }
  return {
    body: Readable.from([body]),
    ...(notes.length > 0 ? { note: notes.join(' ') } : {}),
  };
}
