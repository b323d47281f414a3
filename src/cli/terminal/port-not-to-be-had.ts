/** A local port that a command was to listen on. */
import { AccessError } from '../../errors.ts';
import type { NextStep } from '../../next-step.ts';

/** `code`: the system's. */
export function portNotToBeHad(port: number, code: string, nextStep: NextStep): AccessError {
  const why =
    code === 'EADDRINUSE'
      ? 'another program on this machine uses it'
      : code === 'EACCES'
        ? 'this user may not'
        : code;
  return new AccessError(
    'temporarily_unavailable',
    `Port ${port} cannot be used: ${why}.`,
    nextStep,
  );
}
