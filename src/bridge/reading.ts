/** Reads answers of a remote MCP server, with limits, and removes our credentials from them. */
import type { Abortable } from '../abortable.ts';
import { decodedBody, readBody } from '../http/body.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Told } from './ask.ts';
import { type EventStreamOptions, readEvents } from './event-stream.ts';
import { mostCharacters } from './remote.ts';

/** In lower case; empty if the server names none. */
export function mediaType({ headers }: Pick<Told, 'headers'>): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The body as text; `undefined` if it is too large. Throws the error that interrupts it. */
export async function readWhole(
  answer: Told,
  signal: Abortable,
  maxBytes = mostCharacters,
): Promise<string | undefined> {
  const { bytes, complete } = await readBody(answer, { maxBytes, signal });
  return complete ? bytes.toString('utf8') : undefined;
}

/** The time limit for reading the body of a refusal, in milliseconds. */
const refusalMs = 5_000;

/** The limit for a refusal, which is enough to recognise it. */
export async function readStart(answer: Told): Promise<Concealed<string>> {
  const until = AbortSignal.timeout(refusalMs);
  const { bytes } = await readBody(answer, { maxBytes: 16_384, until });
  return answer.concealer.text(bytes.toString('utf8'));
}

export interface RemoteEvent {
  readonly type: string;
  readonly data: Concealed<string>;
  readonly lastId: string;
}

/** Throws `EventTooLarge`, and the error that interrupts it; just ends when `signal` aborts. */
export async function* eventsOf(
  answer: Told,
  signal: Abortable,
  onRetry: EventStreamOptions['onRetry'],
): AsyncGenerator<RemoteEvent> {
  const body = decodedBody(answer);
  const leave = () => {
    body.destroy();
    answer.body.destroy();
  };
  signal.addEventListener('abort', leave, { once: true });
  try {
    if (signal.aborted) return;
    for await (const { type, data, lastId } of readEvents(body, { mostCharacters, onRetry })) {
      yield { type, data: answer.concealer.text(data), lastId };
      if (signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
}
