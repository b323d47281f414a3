/** Answers of a remote MCP server, read within bounds and without our credentials. */
import { decodedBody, readBody } from '../http/body.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Told } from './ask.ts';
import { type EventStreamOptions, readEvents } from './event-stream.ts';
import { mostCharacters } from './remote.ts';

/** In lower case; empty where the server names none. */
export function mediaType({ headers }: Pick<Told, 'headers'>): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** As it came; `undefined` for one that is too large. Throws what breaks it off. */
export async function readWhole(
  answer: Told,
  signal: AbortSignal,
  maxBytes = mostCharacters,
): Promise<string | undefined> {
  const { bytes, complete } = await readBody(answer, { maxBytes, signal });
  return complete ? bytes.toString('utf8') : undefined;
}

/** For what a refusal says, in milliseconds. */
const refusalMs = 5_000;

/** Of a refusal: enough to tell what it is. */
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

/** Throws `EventTooLarge`, and what breaks it off; ends quietly when `signal` aborts. */
export async function* eventsOf(
  answer: Told,
  signal: AbortSignal,
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
