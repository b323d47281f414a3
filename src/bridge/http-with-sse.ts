/**
 * MCP's first transport over HTTP (revision 2024-11-05): the server sends everything on one event stream,
 * whose first event contains the address to post messages to. The session ends with the stream.
 */
import { setMaxListeners } from 'node:events';
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { networkFailure } from '../http/failures.ts';
import { discard } from '../http/peek.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import { resolveReference } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import type { Ask, Asked } from './ask.ts';
import { EventTooLarge } from './event-stream.ts';
import { isEventStream } from './heard-stream.ts';
import { readMessage, requestsOf } from './message.ts';
import { sessionFields } from './message-fields.ts';
import { eventsOf, readStart } from './reading.ts';
import { answerDropped, messageTooLarge, noMessage, refusalOf } from './refusal.ts';
import { type Hears, type Posting, type Remote, SessionEnded } from './remote.ts';

/** The time limit for the first event, which names the address. */
const endpointMs = 10_000;

/** `undefined` if `url` does not answer with such a stream. Throws AccessError. */
export async function openHttpWithSse({
  url,
  ask,
  hears,
  signal,
  signIn,
}: {
  readonly url: URL;
  readonly ask: Ask;
  readonly hears: Hears;
  readonly signal: Abortable;
  readonly signIn: Asked['signIn'];
}): Promise<Remote | undefined> {
  const closed = new AbortController();
  // Each message that is on its way follows it, however many there are.
  setMaxListeners(0, closed.signal);
  const opening = firstOf(closed.signal, signal);
  const fields = [['accept', 'text/event-stream']] as const;
  const answer = await ask({
    method: 'GET',
    url,
    fields,
    signal: opening.signal,
    ...(signIn ? { signIn } : {}),
  });
  opening.release(signal);
  if (!isEventStream(answer)) {
    answer.body.destroy();
    return undefined;
  }

  let revision: string | undefined;
  /** Why no further answer can arrive. */
  let ending: unknown;
  const open = new Set<Posting>();
  const endWith = (why: unknown): void => {
    ending ??= why;
    for (const posting of open) if (!posting.isAnswered()) posting.onLost(ending);
    open.clear();
    closed.abort();
  };

  const endpoint = await new Promise<URL>((resolve, reject) => {
    const timer = setTimeout(() => endWith(noEndpoint(url)), endpointMs);
    const read = async (): Promise<void> => {
      for await (const { type, data } of eventsOf(answer, closed.signal, () => {})) {
        if (type === 'endpoint') {
          clearTimeout(timer);
          resolve(endpointOf(data, url));
        } else if (type === 'message' && data !== '') {
          const message = readMessage(data);
          if (message) await hears.onMessage(message, data);
          else hears.onFailure(noMessage(url));
        }
      }
      throw ending ?? answerDropped(url);
    };
    read().catch((error: unknown) => {
      clearTimeout(timer);
      endWith(error instanceof EventTooLarge ? messageTooLarge(url) : networkFailure(error, url));
      reject(ending);
    });
  });

  return {
    async post(message, posting) {
      if (closed.signal.aborted) throw new SessionEnded();
      const until = firstOf(closed.signal, posting.signal);
      if (requestsOf(message).length > 0) open.add(posting);
      for (const each of open) if (each.isAnswered()) open.delete(each);
      const { text } = message;
      try {
        const taken = await ask({
          method: 'POST',
          url: endpoint,
          fields: [
            ['content-type', 'application/json'],
            ...sessionFields({ sessionId: undefined, revision }),
          ],
          text,
          signal: until.signal,
          ...(posting.signIn ? { signIn: posting.signIn } : {}),
        });
        if (taken.status >= 200 && taken.status < 300) return discard(taken);
        throw refusalOf(taken, await readStart(taken));
      } catch (error) {
        open.delete(posting);
        throw error;
      } finally {
        until.release();
      }
    },
    agree(agreed) {
      revision = agreed;
    },
    // The answer arrives on the same stream.
    listen: () => {},
    // Its one stream has ended with the session.
    retire: () => {},
    end: async () => {},
    close: () => closed.abort(),
  };
}

/** Throws AccessError for an address on another origin, to which the host's messages would be sent. */
function endpointOf(text: string, url: URL): URL {
  const endpoint = resolveReference(text, url);
  if (endpoint?.origin === url.origin && endpoint.username === '' && endpoint.password === '') {
    return endpoint;
  }
  throw new AccessError(
    'access_denied',
    `${url.host} would have messages posted to another origin: ${quoteServerText(text)}.`,
    [
      { do: 'ask_operator', host: url.host, to: 'have messages posted to its own origin' },
      { do: 'correct_input', when: 'vouched', with: 'the URL at that origin' },
    ],
  );
}

function noEndpoint({ host }: URL): AccessError {
  return new AccessError(
    'timeout',
    `${host} opened an event stream and named no address for messages on it.`,
    [{ do: 'check', whether: 'the URL is an MCP server’s, which often ends in /mcp or /sse' }],
  );
}
