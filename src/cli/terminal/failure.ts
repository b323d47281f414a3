/**
 * How a command reports a failure: as text for people or as one JSON object (contract §6). Loaded by the
 * first failure.
 */
import { EnvironmentError } from '../../config/config.ts';
import { type AccessError, isAccessError } from '../../errors.ts';
import type { Reader } from './reader.ts';
import type { Shell } from './shell.ts';
import { stepForPeople } from './step-for-people.ts';

export interface FailureOptions {
  readonly json?: boolean | undefined;
  /** The URL that the command was given, for commands that a next step suggests. */
  readonly url?: URL | undefined;
  /** Printed with the message, as curl does. */
  readonly exitCode?: number;
}

export function tellFailure(shell: Shell, error: unknown, options: FailureOptions): void {
  const { json, url, exitCode } = options;
  const { out, err, environment } = shell;
  const { code, message, nextStep, details } = describe(error);
  const advice = stepForPeople(nextStep, { environment, url });
  if (json) {
    out.line(JSON.stringify({ error: { code, message, next_step: advice, ...details } }));
    return;
  }
  const name = `cloudflare-access-mcp:${exitCode === undefined ? '' : ` (${exitCode})`}`;
  if (error instanceof EnvironmentError) {
    err.line(`${err.paint('red', name)} The environment is not usable:`);
    for (const problem of error.problems) err.line(`  ${problem}`);
  } else err.line(`${err.paint('red', name)} ${message}`);
  if (advice !== '') err.line(err.paint('dim', advice));
}

/** The same in two lines, for another program to show. */
export function failureText(error: unknown, reader: Reader): string {
  const { message, nextStep } = describe(error);
  return `${message}\n${stepForPeople(nextStep, reader)}`.trim();
}

type Described = Pick<AccessError, 'code' | 'message' | 'nextStep' | 'details'>;

/** The message of an unexpected error may contain anything, so only its class is reported. */
function describe(error: unknown): Described {
  if (isAccessError(error)) return error;
  return {
    code: 'internal_error',
    message: `Something failed inside cloudflare-access-mcp (${error instanceof Error ? error.name : typeof error}).`,
    nextStep: [{ do: 'retry' }, { when: 'again', do: 'report_bug' }],
    details: {},
  };
}
