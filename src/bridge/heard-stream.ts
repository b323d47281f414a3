/** Reads a stream of messages, over as many connections as necessary. */
import type { Abortable } from '../abortable.ts';
import { isAccessError } from '../errors.ts';
import { networkFailure } from '../http/failures.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Told } from './ask.ts';
import { EventTooLarge } from './event-stream.ts';
import { createPatience, type Patience } from './patience.ts';
import { eventsOf, mediaType, readStart } from './reading.ts';
import { answerDropped, messageTooLarge, refusalOf } from './refusal.ts';

/** The number of failures in a row after which a stream is not resumed again. */
const mostFailures = 5;
/** How long a stream may stay open after its last answer. */
const lingerMs = 5_000;

export interface Hearing {
  readonly url: URL;
  readonly signal: Abortable;
  readonly onText: (text: Concealed<string>) => Promise<void>;
  /** Requests the events after the one with this id, or, if it is empty, all new events. */
  readonly takeUp: (lastId: string, signal: Abortable) => Promise<Told>;
}

export function isEventStream(answer: Told): boolean {
  return answer.status === 200 && mediaType(answer) === 'text/event-stream';
}

interface Heard {
  readonly lastId: string;
  /** The error that interrupted it. */
  readonly failure?: unknown;
}

/** Reads one connection. `isDone`: nothing more is expected, so the end is not awaited for long. */
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

/**
 * Resolves when everything is answered or the signal aborts. Throws AccessError if no further answer can
 * arrive.
 */
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

/** A connection that ends earlier counts as a failure. */
const usefulMs = 5_000;

/**
 * Receives the messages that the server sends on its own, until the signal aborts or the server turns out
 * not to offer such a stream. `allowed` resolves when there may be a valid credential again after a
 * refusal.
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

function aborted(signal: Abortable): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
