/** Ctrl-C, or a signal from the parent process, as an AbortSignal. */
import { AccessError } from '../../errors.ts';

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** A signal has ended the command; `exitCode` is the one that shells expect. */
export class Interrupted extends AccessError {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('cancelled', 'Interrupted.', []);
    this.exitCode = exitCode;
  }
}

export interface Cancellation {
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts. */
  readonly interrupted: Promise<void>;
}

/** Runs `work`. The first signal aborts it, a second one ends the process. Throws `Interrupted`. */
export async function cancellable<T>(work: (cancellation: Cancellation) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let reason: Interrupted | undefined;
  let interrupt = (): void => {};
  const interrupted = new Promise<void>((resolve) => {
    interrupt = resolve;
  });
  const removals = Object.entries(exitCodes).map(([name, exitCode]) => {
    const listener = () => {
      reason = new Interrupted(exitCode);
      controller.abort(reason);
      interrupt();
    };
    process.once(name, listener);
    return () => process.off(name, listener);
  });
  try {
    return await work({ signal: controller.signal, interrupted });
  } catch (error) {
    // Whatever the error, the signal caused it.
    throw reason ?? error;
  } finally {
    for (const remove of removals) remove();
  }
}
