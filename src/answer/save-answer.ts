/** Saves an answer's body to a file, and always releases its connection. */
import type { Abortable } from '../abortable.ts';
import { type Saved, type SaveOptions, saveTo } from '../files/save.ts';
import { abortFailure } from '../http/failures.ts';
import type { Incoming } from '../http/send.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { cleanBody } from './clean-body.ts';

/** `deadline` aborts it like `signal`, with its own reason. Throws what `saveTo` throws. */
export async function saveAnswer(
  answer: Incoming,
  concealer: Concealer,
  { signal, deadline, ...options }: Omit<SaveOptions, 'url'> & { readonly deadline: Abortable },
): Promise<Saved> {
  const { url } = answer;
  const until = firstOf(signal, deadline);
  const letGo = () => answer.body.destroy(abortFailure(until.signal, url));
  until.signal.addEventListener('abort', letGo, { once: true });
  try {
    const clean = cleanBody(answer, concealer);
    if (until.signal.aborted) letGo();
    return await saveTo(clean, { ...options, url, signal: until.signal });
  } finally {
    until.release();
    // Nobody will read it any more, and a stalled body would occupy its connection.
    answer.body.destroy();
  }
}
