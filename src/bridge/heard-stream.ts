/** A stream of messages, over as many connections as it takes. */
import { isAccessError } from '../errors.ts';
import { networkFailure } from '../http/failures.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Told } from './ask.ts';
import { EventTooLarge } from './event-stream.ts';
import { createPatience, type Patience } from './patience.ts';
import { eventsOf, mediaType, readStart } from './reading.ts';
import { answerDropped, messageTooLarge, refusalOf } from './refusal.ts';

/** In a row, of one that is to be taken up again. */
const mostFailures = 5;
/** For a stream to end by itself after its last answer. */
const lingerMs = 5_000;

export interface Hearing {
  readonly url: URL;
  readonly signal: AbortSignal;
  readonly onText: (text: Concealed<string>) => Promise<void>;
  /** Asks for what comes behind the event with this id; for all that is new where it is empty. */
  readonly takeUp: (lastId: string, signal: AbortSignal) => Promise<Told>;
}

export function isEventStream(answer: Told): boolean {
  return answer.status === 200 && mediaType(answer) === 'text/event-stream';
}

interface Heard {
  readonly lastId: string;
  /** What broke it off. */
  readonly failure?: unknown;
}

/** What comes on one connection. `isDone`: nothing more is wanted, and it is not waited for long. */
async function hear(
  answer: Told,
  before: string,
  { onText, signal }: Hearing,
  patience: Patience,
  isDone: () => boolean,
): Promise<Heard> {
  const lingered = new AbortController();
  const until = firstOf(signal, lingered.signal);
  let timer: NodeJS.Timeout | undefined;
  let lastId = before;
  try {
    for await (const event of eventsOf(answer, until.signal, patience.setRetry)) {
      if (event.lastId !== '') lastId = event.lastId;
      patience.reset();
      if (event.data !== '' && event.type === 'message') await onText(event.data);
      if (isDone()) timer ??= setTimeout(() => lingered.abort(), lingerMs).unref();
    }
    return { lastId };
  } catch (failure) {
    return { lastId, failure };
  } finally {
    clearTimeout(timer);
    until.release();
  }
}

/** Resolves when all is answered or the signal aborts. Throws AccessError when no answer can come any more. */
export async function followAnswer(
  first: Told,
  hearing: Hearing,
  isAnswered: () => boolean,
): Promise<void> {
  const { url, signal, takeUp } = hearing;
  const patience = createPatience();
  let answer: Told | undefined = first;
  let lastId = '';
  let failure: unknown;
  for (;;) {
    if (answer) {
      ({ lastId, failure } = await hear(answer, lastId, hearing, patience, isAnswered));
      answer = undefined;
    }
    if (isAnswered() || signal.aborted) return;
    if (failure instanceof EventTooLarge) throw messageTooLarge(url);
    if (lastId === '' || patience.failures() >= mostFailures) {
      throw failure ? networkFailure(failure, url, signal) : answerDropped(url);
    }
    try {
      await patience.wait(signal);
      const next = await takeUp(lastId, signal);
      if (isEventStream(next)) {
        answer = next;
        continue;
      }
      failure = refusalOf(next, await readStart(next));
      if (next.status < 500) throw failure;
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      failure = error;
    }
    patience.failed();
  }
}

/** A connection that ends sooner has not been of use. */
const usefulMs = 5_000;

/**
 * Hears what the server says unasked, until the signal aborts or the server offers no such stream.
 * `allowed` resolves when a credential that was refused may be there again.
 */
export async function listenOn(hearing: Hearing, allowed: () => Promise<void>): Promise<void> {
  const { signal, takeUp } = hearing;
  const patience = createPatience();
  let lastId = '';
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      const answer = await takeUp(lastId, signal);
      if (isEventStream(answer)) {
        ({ lastId } = await hear(answer, lastId, hearing, patience, () => false));
      } else {
        answer.body.destroy();
        if (answer.status < 500 && answer.status !== 429) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) await Promise.race([allowed(), aborted(signal)]);
    }
    if (performance.now() - startedAt < usefulMs) patience.failed();
    await patience.wait(signal).catch(() => {});
  }
}

function isPassing(error: unknown): boolean {
  return isAccessError(error, 'network_error', 'timeout', 'temporarily_unavailable');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
