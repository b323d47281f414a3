/** One transfer: a request out, its answer to where it goes, and once more where that may help. */
import type { HopAnswer } from '../../http/hops.ts';
import { atPath } from '../../secure-url.ts';
import { shownUrl } from '../../shown-url.ts';
import { attempt } from './attempt.ts';
import type { Conditions, Progress } from './conditions.ts';
import { placeFor } from './place.ts';
import { nameFromUrl } from './remote-name.ts';
import { buildRequest } from './request.ts';
import { createRetries, isTransientFailure, isTransientStatus, whyTransient } from './retry.ts';
import type { Transfer } from './transfers.ts';

export interface TransferParts extends Conditions {
  /** Hears the URL as soon as it is read, for what is told of a failure. */
  readonly onUrl: (url: URL) => void;
}

/** Throws what it failed with at last. */
export async function runTransfer(transfer: Transfer, parts: TransferParts): Promise<void> {
  const { shell, options, open, onUrl } = parts;
  const request = await buildRequest(transfer, options);
  onUrl(request.url);
  if (request.isPastedLogin && !options.silent) {
    const note = shell.err.paint('yellow', 'Note:');
    shell.err.line(
      `${note} that is the address of Access’s login page for ${request.url.host}; ${shownUrl(atPath(request.url, request.url.pathname))} is fetched.`,
    );
  }
  if (options.timeCond !== undefined && !request.condition && !options.silent) {
    shell.err.line(
      `Warning: ${JSON.stringify(options.timeCond)} is neither a date nor a file: the answer is taken whatever its date.`,
    );
  }
  const { output } = transfer;
  const isNamedByUrl = output === 'remote-name';
  const name = isNamedByUrl ? nameFromUrl(request.url) : output?.file;
  const target = { file: await placeFor(name, options), isNamedByUrl };
  const retries = createRetries(options);
  for (;;) {
    const progress: Progress = { isFinal: request.once };
    const next: { delay?: number | undefined; why?: string } = {};
    const passOver = ({ status, headers }: HopAnswer): boolean => {
      const isFailure = options.retryAllErrors && options.fail && status >= 400;
      if (progress.isFinal || !(isFailure || isTransientStatus(status))) return false;
      next.why = `The status is ${status}`;
      next.delay = retries.next(headers.get('retry-after'));
      return next.delay !== undefined;
    };
    try {
      await attempt(request, target, parts, { passOver, progress });
      if (next.delay === undefined) return;
    } catch (error) {
      if (progress.isFinal || open.signal.aborted || !isTransientFailure(error, options))
        throw error;
      next.why = whyTransient(error);
      next.delay = retries.next(null);
      if (next.delay === undefined) throw error;
    }
    if (!options.silent) {
      const left = retries.left();
      const after =
        left === 0
          ? ', for the last time'
          : `; ${left} more ${left === 1 ? 'attempt' : 'attempts'} after that`;
      shell.err.line(`Warning: ${next.why}. Trying again in ${next.delay} s${after}.`);
    }
    parts.onGiven(undefined);
    await open.rooms.clock.sleep(next.delay * 1000, open.signal);
  }
}
