/**
 * The client side of MCP's Streamable HTTP transport (revisions 2025-03-26 and later). Each message is
 * sent with POST and answered by one message or a stream of messages; a GET receives the messages that the
 * server sends on its own. A stream whose events have ids is resumed where it was interrupted.
 */
import { setMaxListeners } from 'node:events';
import type { Abortable } from '../abortable.ts';
import type { Field } from '../http/next-hop.ts';
import { discard } from '../http/peek.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Ask, Told } from './ask.ts';
import { followAnswer, type Hearing, isEventStream, listenOn } from './heard-stream.ts';
import { type Message, partsOf, readMessage, requestsOf } from './message.ts';
import { messageFields, sessionFields } from './message-fields.ts';
import { mediaType, readStart, readWhole } from './reading.ts';
import { answerDropped, messageTooLarge, noMessage, refusalOf } from './refusal.ts';
import { type Hears, OtherTransport, type Posting, type Remote, SessionEnded } from './remote.ts';

export function createStreamableHttp({
  url,
  ask,
  hears,
}: {
  readonly url: URL;
  readonly ask: Ask;
  readonly hears: Hears;
}): Remote {
  const closed = new AbortController();
  const retired = new AbortController();
  // Each message that is on its way follows it, however many there are.
  setMaxListeners(0, closed.signal);
  let sessionId: string | undefined;
  let revision: string | undefined;
  let waiting: (() => void)[] = [];

  const onText: Hearing['onText'] = async (text) => {
    const message = readMessage(text);
    if (message) await hears.onMessage(message, text);
    else hears.onFailure(noMessage(url));
  };

  const takeUp: Hearing['takeUp'] = (lastId, signal) =>
    ask({
      method: 'GET',
      url,
      fields: [
        ['accept', 'text/event-stream'],
        ...sessionFields({ sessionId, revision }),
        ...(lastId === '' ? [] : [['last-event-id', bytesOf(lastId)] as Field]),
      ],
      signal,
    });

  /** The JSON-RPC error in the answer to a refused message, if there is one. */
  const refuse = async (answer: Told, message: Message, sent: string | undefined) => {
    const text = await readStart(answer);
    const [request] = requestsOf(message);
    const said = readMessage(text)?.parts[0];
    const isError = said?.kind === 'answer';
    const { status } = answer;
    // Servers that keep no list of ended sessions answer 400, without the id of the message, which they
    // have not read.
    const isUnknown = status === 404 || (status === 400 && isError && said.id === null);
    const refusal = refusalOf(answer, text);
    if (sent !== undefined && isUnknown) {
      throw new SessionEnded(status === 404 ? undefined : refusal);
    }
    if (isError && request && !message.isBatch) {
      await onText(answer.concealer.text(JSON.stringify({ ...JSON.parse(text), id: request.id })));
      return;
    }
    if (request?.method === 'initialize' && [400, 404, 405].includes(status)) {
      throw new OtherTransport(refusal);
    }
    throw refusal;
  };

  const readAnswer = async (
    answer: Told,
    message: Message,
    posting: Posting,
    signal: Abortable,
  ): Promise<void> => {
    if (isEventStream(answer)) {
      await followAnswer(answer, { url, signal, onText, takeUp }, posting.isAnswered);
      return;
    }
    if (mediaType(answer) !== 'application/json') {
      throw refusalOf(answer, await readStart(answer));
    }
    const text = await readWhole(answer, signal);
    if (text === undefined) throw messageTooLarge(url);
    const told = readMessage(text);
    if (told === undefined) throw refusalOf(answer, answer.concealer.text(text));
    for (const part of message.isBatch ? [told] : partsOf(told)) {
      await hears.onMessage(part, answer.concealer.text(part.text));
    }
    if (!posting.isAnswered()) throw answerDropped(url);
  };

  return {
    async post(message, posting) {
      const { signal, release } = firstOf(closed.signal, posting.signal);
      const asks = requestsOf(message);
      const isInitialize = asks.some(({ method }) => method === 'initialize');
      const sent = sessionId;
      try {
        const fields = messageFields(message, { sessionId, revision });
        const { text } = message;
        const signIn = posting.signIn ? { signIn: posting.signIn } : {};
        const answer = await ask({ method: 'POST', url, fields, text, signal, ...signIn });
        if (answer.status < 200 || answer.status >= 300) {
          await refuse(answer, message, isInitialize ? undefined : sent);
          release();
          return;
        }
        if (isInitialize) sessionId = answer.headers.get('mcp-session-id') ?? undefined;
        for (const wake of waiting) wake();
        waiting = [];
        if (asks.length > 0) {
          readAnswer(answer, message, posting, signal).catch(posting.onLost).finally(release);
          return;
        }
        discard(answer);
      } catch (error) {
        release();
        throw error;
      }
      release();
    },
    agree(agreed) {
      revision = agreed;
    },
    listen() {
      const { signal, release } = firstOf(closed.signal, retired.signal);
      const allowed = () => new Promise<void>((resolve) => waiting.push(resolve));
      listenOn({ url, signal, onText, takeUp }, allowed).catch(hears.onFailure).finally(release);
    },
    retire: () => retired.abort(),
    async end(until) {
      if (sessionId === undefined) return;
      const fields = sessionFields({ sessionId, revision });
      await ask({ method: 'DELETE', url, fields, signal: until }).then(discard, () => {});
    },
    close: () => closed.abort(),
  };
}

/** Ids are UTF-8, whereas a field's value consists of bytes. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
