/**
 * Turns an answer into what the agent is shown (contract §2): a head of one line of JSON, then the body as
 * text, Markdown or an image. An answer is rendered once; `page` cuts a window out of the result without
 * another request.
 */

import type { Saved } from '../files/save.ts';
import type { ReadBody } from '../http/body.ts';
import type { Fields } from '../http/fields.ts';
import { fieldText, hideAccessQuery, responseHeaders } from '../http/response-headers.ts';
import type { Concealed, Concealer } from '../secrets/concealer.ts';
import type { CredentialKind } from '../secrets/credential.ts';
import { cleanServerText } from '../server-text.ts';
import type { PageThreads } from './page-threads.ts';
import { type Format, toReadable } from './readable.ts';
import { textWindow } from './text-window.ts';

/** How much of a body is read in order to be shown, in bytes after decoding. */
export const shownBodyLimit = 8 * 1024 * 1024;

/** The largest result as JSON, in bytes; not far above this, hosts drop the result or the connection. */
const wireLimit = 1024 * 1024;
const wireLimitForContent = wireLimit - 64 * 1024;
const maxImageBytes = Math.floor((wireLimitForContent / 4) * 3);

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Fields;
  readonly auth: CredentialKind;
  readonly redirects: readonly string[];
  readonly droppedHeaders?: readonly string[];
  /** The answer was to be saved, but is shown instead because its status is not a success. */
  readonly notSaved?: boolean;
  /** What else the agent should know of it; in our own words. */
  readonly remark?: string | undefined;
}

export interface Head {
  readonly status: number;
  readonly url: Concealed<string>;
  readonly content_type: Concealed<string> | null;
  /** The size of the body that was read, after decoding. */
  readonly bytes: number;
  readonly auth: CredentialKind;
  readonly redirects: readonly Concealed<string>[];
  readonly headers: Readonly<Record<string, Concealed<string>>>;
  /** True when there is more of the body than is shown. */
  readonly truncated: boolean;
  /** Where to continue; `null` at the end of what was read. */
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

/** A complete answer ready to be shown, which `Pages` stores. Contains no secret. */
export interface Rendered {
  readonly head: Head;
  readonly content:
    | { readonly text: Concealed<string> }
    | { readonly image: string; readonly mimeType: string };
  /** Its approximate size in memory, in bytes. */
  readonly size: number;
}

interface RenderOptions {
  readonly format: Format;
  readonly threads: PageThreads;
  /** For the secrets of all hops. */
  readonly concealer: Concealer;
}

export async function render(
  answer: Answer,
  body: ReadBody,
  { format, threads, concealer }: RenderOptions,
): Promise<Rendered> {
  const {
    text = concealer.text(''),
    image,
    note,
  } = await toReadable(answer, body, {
    format,
    concealer,
    threads,
    maxImageBytes,
  });
  const head = headOf(answer, concealer, {
    bytes: body.bytes.length,
    truncated: !body.complete,
    notes: [answer.remark, notSavedNote(answer), stoppedNote(body), droppedNote(answer), note],
  });
  if (image) {
    const { data, mimeType } = image;
    return { head, content: { image: data, mimeType }, size: data.length };
  }
  return { head, content: { text }, size: text.length * 2 };
}

/** `startIndex` and `maxLength` count UTF-16 units. */
export function page(
  rendered: Rendered,
  { startIndex = 0, maxLength = 20_000 }: { startIndex?: number; maxLength?: number } = {},
): Presented {
  if ('image' in rendered.content) {
    const { image, mimeType } = rendered.content;
    return withHead(rendered.head, { type: 'image', data: image, mimeType });
  }
  const { text } = rendered.content;
  const { start, end } = textWindow(text, {
    startIndex,
    maxLength,
    maxWireBytes: wireLimitForContent,
  });
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

export function presentSaved(
  answer: Answer,
  { path, bytes, sha256 }: Saved,
  concealer: Concealer,
): Presented {
  const head = headOf(answer, concealer, {
    bytes,
    truncated: false,
    notes: [answer.remark, droppedNote(answer)],
  });
  return withHead({ ...head, saved_to: path, sha256 });
}

function notSavedNote({ status, notSaved = false }: Answer): string | undefined {
  return notSaved ? `Not saved: the status is ${status}; here is the body.` : undefined;
}

function stoppedNote({ complete, stopped, bytes }: ReadBody): string | undefined {
  if (complete) return undefined;
  return stopped === 'time'
    ? 'The body had not ended when timeout_seconds ran out; this is what had arrived.'
    : `The body is longer than ${bytes.length} bytes, and the rest was not read. Use save_to to get all of it.`;
}

function droppedNote({ droppedHeaders = [] }: Answer): string | undefined {
  if (droppedHeaders.length === 0) return undefined;
  return `Not sent on to the other origin that a redirect led to: ${droppedHeaders.join(', ')}.`;
}

function headOf(
  answer: Answer,
  concealer: Concealer,
  {
    bytes,
    truncated,
    notes,
  }: { bytes: number; truncated: boolean; notes: readonly (string | undefined)[] },
): Head {
  const visible = responseHeaders(answer.headers, concealer);
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
    content_type: contentType === undefined ? null : shownType(contentType, concealer),
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

function shownType(contentType: Concealed<string>, concealer: Concealer): Concealed<string> {
  const shown = cleanServerText(contentType);
  return shown === contentType ? contentType : concealer.text(shown);
}

const maxUrlLength = 2000;

function shownUrl(url: string, concealer: Concealer): Concealed<string> {
  const whole = concealer.text(fieldText(url));
  const shown = hideAccessQuery(whole);
  if (shown === whole && shown.length <= maxUrlLength) return whole;
  return concealer.text(shown.length > maxUrlLength ? `${shown.slice(0, maxUrlLength)}…` : shown);
}

function withHead(head: Head, content?: Block): Presented {
  const line: Block = { type: 'text', text: JSON.stringify(head) };
  return { head, blocks: content ? [line, content] : [line] };
}

function join(...notes: (string | undefined)[]): string | undefined {
  const said = notes.filter((note) => note !== undefined && note !== '');
  return said.length > 0 ? said.join(' ') : undefined;
}
