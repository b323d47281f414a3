/** Failures of a command: words for people or one JSON object, and the exit code (contract §6). */
import { type AccessError, type ErrorCode, isAccessError } from '../errors.ts';
import { Interrupted } from './cancellation.ts';
import type { Shell } from './shell.ts';

export interface FailureOptions {
  readonly json?: boolean | undefined;
  /** What the command was about, for commands that a next step names. */
  readonly url?: URL | undefined;
  /** Told with the message, as curl does. */
  readonly exitCode?: number;
}

/** The person asked for something that cannot be: theirs to correct. */
const misuse: readonly ErrorCode[] = [
  'invalid_input',
  'https_required',
  'header_not_allowed',
  'config_invalid',
];

/** Runs a command's work; whatever it throws is told, and becomes 1 (failed), 2 (misused) or a signal's. */
export async function conclude(
  shell: Shell,
  options: FailureOptions | (() => FailureOptions),
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    tellFailure(shell, error, typeof options === 'function' ? options() : options);
    if (error instanceof Interrupted) return error.exitCode;
    return isAccessError(error, ...misuse) ? 2 : 1;
  }
}

export function tellFailure(shell: Shell, error: unknown, options: FailureOptions): void {
  const { json, url, exitCode } = options;
  const { out, err } = shell;
  const { code, message, nextStep, details } = describe(error);
  const advice = adviceFor(code, url) ?? inCommands(nextStep);
  if (json) {
    out.line(JSON.stringify({ error: { code, message, next_step: advice, ...details } }));
    return;
  }
  err.line(
    `${err.paint('red', `cloudflare-access-mcp:${exitCode === undefined ? '' : ` (${exitCode})`}`)} ${message}`,
  );
  if (advice !== '') err.line(err.paint('dim', advice));
}

type Described = Pick<AccessError, 'message' | 'nextStep' | 'details'> & { code: ErrorCode };

/** An unexpected error's message may hold anything: only its kind is told. */
function describe(error: unknown): Described {
  if (isAccessError(error)) return error;
  return {
    code: 'internal_error',
    message: `Something failed inside cloudflare-access-mcp (${error instanceof Error ? error.name : typeof error}).`,
    nextStep: 'Run it again; if it happens again, report it with what CF_ACCESS_LOG=debug prints.',
    details: {},
  };
}

/** The next steps that name a tool's call, in the words of the command line. */
function adviceFor(code: ErrorCode, url: URL | undefined): string | undefined {
  const login = `cloudflare-access-mcp login ${url ? shellWord(url.href) : '<url>'}`;
  switch (code) {
    case 'sign_in_required':
      return `Sign in first: ${login}. Where nobody can, set a service token: CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS.`;
    case 'sign_in_pending':
      return `Finish the sign-in in a browser, then run the same command again; ${login} shows its address.`;
    case 'sign_in_declined':
    case 'sign_in_expired':
      return `To try once more: ${login}`;
    case 'token_rejected':
      return `Sign in afresh: ${login} --force. If it happens again, the application’s administrator has to look at its policies.`;
    case 'service_token_not_disclosed':
      return 'Use cloudflare-access-mcp fetch, which sends the service token itself.';
    case 'timeout':
      return 'Run it again; if it stays slow, see whether the host is up and whether a VPN or proxy is needed.';
    case 'cancelled':
      return '';
    default:
      return undefined;
  }
}

/** The tools' names where they are called; what agents are told is otherwise good for people too. */
const commands: readonly [RegExp, string][] = [
  [/\bCall authenticate with "force": true/g, 'Run login --force'],
  [/\bauthenticate with force\b/g, 'login --force'],
  [/\bauthenticate with "force": true/g, 'login --force'],
  [/\bcallback_url\b/g, '--callback-url'],
  [/\b(?:Call|call) (?=authenticate|access_fetch|get_token|again)/g, 'run '],
  [/\bauthenticate\b/g, 'login'],
  [/\baccess_fetch\b/g, 'fetch'],
  [/\bget_token\b/g, 'token'],
];

export function inCommands(nextStep: string): string {
  // Every other part is an address, which stays as it is.
  const parts = nextStep.split(/(https?:\/\/\S+)/);
  const text = parts
    .map((part, at) =>
      at % 2 === 1
        ? part
        : commands.reduce((words, [tool, command]) => words.replace(tool, command), part),
    )
    .join('');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
