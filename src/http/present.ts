/**
 * From an answer to what the agent is shown (contract §2): a head of one line of JSON, then the body as
 * text, Markdown or an image. Rendering is done once; `page` cuts what was rendered, without the origin.
 */
import { cleanServerText } from '../server-text.ts';
import { hideAccessTokens } from './access-tokens.ts';
import { type ReadBody, undecodable } from './body.ts';
import { type Concealer, createConcealer } from './conceal.ts';
import type { CredentialKind } from './credential.ts';
import { fieldText, hideAccessQuery, responseHeaders } from './response-headers.ts';
import type { Saved } from './save.ts';
import { contentKind, decodeText, imageTypes, parseMediaType, sniffImage } from './text.ts';

export const formats = ['auto', 'raw', 'markdown'] as const;
export type Format = (typeof formats)[number];

/** How much of a body to read for showing, in bytes after decoding. */
export const shownBodyLimit = 8 * 1024 * 1024;

/** One result as JSON, in bytes: hosts drop the connection or the result not far above. */
const wireLimit = 1024 * 1024;
const wireLimitForContent = wireLimit - 64 * 1024;
const maxImageBytes = Math.floor((wireLimitForContent / 4) * 3);

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly auth: CredentialKind;
  readonly redirects: readonly string[];
  readonly secrets: readonly string[];
  readonly droppedHeaders?: readonly string[];
}

export interface Head {
  readonly status: number;
  readonly url: string;
  readonly content_type: string | null;
  /** Of the body that was read, after decoding. */
  readonly bytes: number;
  readonly auth: CredentialKind;
  readonly redirects: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** True when what is shown ends before the body does. */
  readonly truncated: boolean;
  /** Where to go on; `null` at the end of what was read. */
  readonly next_start_index: number | null;
  readonly saved_to: string | null;
  readonly sha256?: string;
  readonly note?: string;
}

export type Block =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly data: string; readonly mimeType: string };

export interface Presented {
  readonly head: Head;
  /** The head as one line of JSON, then the body, if there is anything to show of it. */
  readonly blocks: readonly Block[];
}

/** An answer made ready to be shown, whole: what `Pages` keeps. Holds no secret. */
export interface Rendered {
  readonly head: Head;
  readonly content:
    | { readonly text: string }
    | { readonly image: string; readonly mimeType: string };
  /** What it occupies in memory, roughly, in bytes. */
  readonly size: number;
}

export async function render(answer: Answer, body: ReadBody, format: Format): Promise<Rendered> {
  const concealer = createConcealer(answer.secrets);
  const { content, note } = await renderContent(answer, body, format, concealer);
  const notes = [note, stoppedNote(body), droppedNote(answer), ...(content.notes ?? [])];
  const head = headOf(answer, concealer, {
    bytes: body.bytes.length,
    truncated: !body.complete,
    notes: notes.filter((each) => each !== undefined),
  });
  if (content.image) {
    const { data, mimeType } = content.image;
    return { head, content: { image: data, mimeType }, size: data.length };
  }
  // A credential was sent, so Access will have handed one of its own to the origin.
  const text = answer.auth === 'none' ? (content.text ?? '') : hideAccessTokens(content.text ?? '');
  return { head, content: { text }, size: text.length * 2 };
}

/** `startIndex` and `maxLength` count UTF-16 units; no character is cut in two. */
export function page(
  rendered: Rendered,
  { startIndex = 0, maxLength = 20_000 }: { startIndex?: number; maxLength?: number } = {},
): Presented {
  if ('image' in rendered.content) {
    const { image, mimeType } = rendered.content;
    return withHead(rendered.head, { type: 'image', data: image, mimeType });
  }
  const { text } = rendered.content;
  const start = boundary(text, Math.min(Math.max(0, startIndex), text.length));
  // At least one character, or paging would never get on.
  const wanted = Math.max(
    boundary(text, Math.min(text.length, start + Math.max(1, maxLength))),
    start + widthAt(text, start),
  );
  const end = fitting(text, start, wanted);
  const rest = end < text.length;
  const note =
    startIndex > text.length
      ? join(
          rendered.head.note,
          `start_index is beyond the end: the text has ${text.length} characters.`,
        )
      : rendered.head.note;
  const head: Head = {
    ...rendered.head,
    truncated: rendered.head.truncated || rest,
    next_start_index: rest ? end : null,
    ...(note ? { note } : {}),
  };
  const shown = text.slice(start, end);
  return shown === '' ? withHead(head) : withHead(head, { type: 'text', text: shown });
}

export function presentSaved(answer: Answer, { path, bytes, sha256 }: Saved): Presented {
  const note = droppedNote(answer);
  const head = headOf(answer, createConcealer(answer.secrets), {
    bytes,
    truncated: false,
    notes: note ? [note] : [],
  });
  return withHead({ ...head, saved_to: path, sha256 });
}

interface Content {
  readonly text?: string;
  readonly image?: { data: string; mimeType: string };
  readonly notes?: readonly string[];
}

async function renderContent(
  { url, headers }: Answer,
  body: ReadBody,
  format: Format,
  concealer: Concealer,
): Promise<{ content: Content; note?: string }> {
  const type = parseMediaType(headers.get('content-type'));
  const { bytes } = body;
  if (bytes.length === 0) return { content: { text: '' } };
  const coding = undecodable(headers);
  if (coding)
    return {
      content: {},
      note: binaryNote(`content in the coding “${cleanServerText(coding)}”`, body, headers),
    };
  const kind = contentKind(type, bytes);
  if (kind === 'image') return image(bytes, body, headers, concealer);
  if (kind === 'binary')
    return {
      content: {},
      note: binaryNote(`binary content (${type.essence || 'of no stated type'})`, body, headers),
    };
  const decoded = decodeText(bytes, type);
  const text = concealer.text(decoded.text);
  if (format === 'raw' || kind !== 'html') return { content: { text } };
  // Loaded on first use: it is large, and many answers are JSON.
  const { htmlToMarkdown } = await import('./markdown.ts');
  const { markdown, note } = htmlToMarkdown(text, { url, conceal: concealer.text });
  return { content: { text: concealer.text(markdown), ...(note ? { notes: [note] } : {}) } };
}

function image(
  bytes: Buffer,
  body: ReadBody,
  headers: Headers,
  concealer: Concealer,
): { content: Content; note?: string } {
  const mimeType = sniffImage(bytes);
  const clean = !concealer.active || concealer.bytes(bytes).equals(bytes);
  if (
    mimeType &&
    imageTypes.includes(mimeType) &&
    body.complete &&
    bytes.length <= maxImageBytes &&
    clean
  ) {
    return { content: { image: { data: bytes.toString('base64'), mimeType } } };
  }
  return {
    content: {},
    note: binaryNote(`an image (${mimeType}) that is too large to show`, body, headers),
  };
}

function binaryNote(what: string, { bytes, complete }: ReadBody, headers: Headers): string {
  const length = headers.get('content-length');
  const size = complete
    ? `${bytes.length} bytes`
    : length && /^\d{1,15}$/.test(length) && !headers.has('content-encoding')
      ? `${length} bytes`
      : `more than ${bytes.length} bytes`;
  return `The body is ${what}, ${size}, and is not shown. Call again with save_to to put it into a file.`;
}

function stoppedNote({ complete, stopped, bytes }: ReadBody): string | undefined {
  if (complete) return undefined;
  return stopped === 'time'
    ? 'The body had not ended when timeout_seconds ran out; this is what had come.'
    : `The body is longer than ${bytes.length} bytes, and the rest was not read. Use save_to for all of it.`;
}

function droppedNote({ droppedHeaders = [] }: Answer): string | undefined {
  if (droppedHeaders.length === 0) return undefined;
  return `Not sent on to the other origin that a redirect led to: ${droppedHeaders.join(', ')}.`;
}

function headOf(
  answer: Answer,
  concealer: Concealer,
  { bytes, truncated, notes }: { bytes: number; truncated: boolean; notes: readonly string[] },
): Head {
  const visible = responseHeaders(answer.headers, concealer.text);
  const { 'content-type': contentType, ...headers } = visible.headers;
  const note = join(
    ...notes,
    visible.shortened.length > 0
      ? `Header fields cut or left out for their size: ${visible.shortened.slice(0, 20).join(', ')}.`
      : undefined,
  );
  return {
    status: answer.status,
    url: shownUrl(answer.url.href, concealer),
    content_type: contentType === undefined ? null : cleanServerText(contentType),
    bytes,
    auth: answer.auth,
    redirects: answer.redirects.map((each) => shownUrl(each, concealer)),
    headers,
    truncated,
    next_start_index: null,
    saved_to: null,
    ...(note ? { note } : {}),
  };
}

const maxUrlLength = 2000;

function shownUrl(url: string, concealer: Concealer): string {
  const shown = hideAccessQuery(concealer.text(fieldText(url)));
  return shown.length > maxUrlLength ? `${shown.slice(0, maxUrlLength)}…` : shown;
}

function withHead(head: Head, content?: Block): Presented {
  const line: Block = { type: 'text', text: JSON.stringify(head) };
  return { head, blocks: content ? [line, content] : [line] };
}

function join(...notes: (string | undefined)[]): string | undefined {
  const said = notes.filter((note) => note !== undefined && note !== '');
  return said.length > 0 ? said.join(' ') : undefined;
}

/** `at`, or one before it where it is in the middle of a surrogate pair. */
function boundary(text: string, at: number): number {
  return isLow(text, at) && isHigh(text, at - 1) ? at - 1 : at;
}

function widthAt(text: string, at: number): number {
  if (at >= text.length) return 0;
  return isHigh(text, at) && isLow(text, at + 1) ? 2 : 1;
}

function isHigh(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}

function isLow(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

/** The greatest end, up to `wanted`, with which the text fits the wire as a JSON string in UTF-8. */
function fitting(text: string, start: number, wanted: number): number {
  let bytes = 2;
  for (let at = start; at < wanted; ) {
    const width = widthAt(text, at);
    bytes += wireBytes(text, at, width);
    if (bytes > wireLimitForContent) return at;
    at += width;
  }
  return wanted;
}

function wireBytes(text: string, at: number, width: number): number {
  if (width === 2) return 4;
  const unit = text.charCodeAt(at);
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20 || (unit & 0xf800) === 0xd800) return 6;
  if (unit < 0x80) return 1;
  return unit < 0x800 ? 2 : 3;
}
