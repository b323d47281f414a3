/** Parses server-sent events (HTML Living Standard §9.2.6) as they arrive. */
import { StringDecoder } from 'node:string_decoder';

export interface ServerEvent {
  /** `message` if the server names none. */
  readonly type: string;
  /** Empty for an event that only carries an id. */
  readonly data: string;
  /** The id of the last event that had one, including this one; empty if none had. */
  readonly lastId: string;
}

export interface EventStreamOptions {
  /** The maximum length of one event. */
  readonly mostCharacters: number;
  /** Milliseconds. */
  readonly onRetry: (ms: number) => void;
}

export class EventTooLarge extends Error {}

/** Throws `EventTooLarge`, and what `body` fails with. */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  { mostCharacters, onRetry }: EventStreamOptions,
): AsyncGenerator<ServerEvent> {
  let type = '';
  let data: string[] = [];
  let lastId = '';
  let hasId = false;
  let size = 0;
  for await (const line of readLines(body, mostCharacters)) {
    size += line.length;
    if (size > mostCharacters) throw new EventTooLarge();
    if (line === '') {
      if (data.length > 0 || hasId)
        yield { type: type || 'message', data: data.join('\n'), lastId };
      type = '';
      data = [];
      hasId = false;
      size = 0;
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) {
      lastId = value;
      hasId = true;
    } else if (field === 'retry' && /^\d{1,9}$/.test(value)) onRetry(Number(value));
  }
  // An event that is incomplete at the end of the stream is discarded.
}

/** Lines end in CR LF, LF or CR. */
async function* readLines(
  body: AsyncIterable<Uint8Array>,
  mostCharacters: number,
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  // Collected in parts, because appending would copy a long line for each of its chunks.
  let open: string[] = [];
  let size = 0;
  let isFirst = true;
  let afterReturn = false;
  for await (const chunk of body) {
    let text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (isFirst && text !== '') {
      if (text.startsWith('\uFEFF')) text = text.slice(1);
      isFirst = false;
    }
    if (afterReturn && text !== '') {
      if (text.startsWith('\n')) text = text.slice(1);
      afterReturn = false;
    }
    let from = 0;
    for (const { 0: end, index } of text.matchAll(/\r\n|\n|\r/g)) {
      yield open.length === 0 ? text.slice(from, index) : open.join('') + text.slice(from, index);
      open = [];
      size = 0;
      from = index + end.length;
      afterReturn = end === '\r' && from === text.length;
    }
    if (from < text.length) {
      open.push(text.slice(from));
      size += text.length - from;
      if (size > mostCharacters) throw new EventTooLarge();
    }
  }
}
