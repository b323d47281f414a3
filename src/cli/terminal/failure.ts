/** Failures of a command: words for people or one JSON object, and the exit code (contract §6). */
import { type Environment, EnvironmentError } from '../../config/config.ts';
import { type AccessError, type ErrorCode, isAccessError } from '../../errors.ts';
import { Interrupted } from './cancellation.ts';
import { shellWord } from './command-lines.ts';
import { headlessBecauseOf } from './headless.ts';
import type { Shell } from './shell.ts';
import { type Reader, stepForPeople } from './step-for-people.ts';

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

/** Runs a command's work; whatever it throws is told, and becomes 1 (failed), 2 (usage error) or a signal's. */
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
  const { environment } = shell;
  const advice = adviceFor({ code, nextStep }, { environment, url });
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

/** The same in two lines, for where it is read in another program's window. */
export function failureText(
  error: unknown,
  { url, environment }: { readonly url: URL; readonly environment: Environment },
): string {
  const { code, message, nextStep, details } = describe(error);
  const { authorization_url: address, user_code: userCode } = details;
  const open = code === 'sign_in_pending' && !userCode && typeof address === 'string';
  const reader: Reader = { environment, url, repeats: 'request' };
  const advice =
    typeof nextStep !== 'string'
      ? adviceFor({ code, nextStep }, reader)
      : open
        ? `Sign in at ${address} if no browser has opened, then send the request again.`
        : userCode
          ? inCommands(nextStep)
          : adviceFor({ code, nextStep }, reader);
  return `${message}\n${advice}`.trim();
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

/** What is told instead of a next step that is an agent's, not a person's. */
export function adviceFor(
  { code, nextStep }: Pick<AccessError, 'code' | 'nextStep'>,
  reader: Reader,
): string {
  if (typeof nextStep !== 'string') return stepForPeople(nextStep, reader);
  return adviceByCode(code, reader.url, reader.environment) ?? inCommands(nextStep);
}

function adviceByCode(
  code: ErrorCode,
  url: URL | undefined,
  environment: Environment,
): string | undefined {
  const login = `cloudflare-access-mcp login ${url ? shellWord(url.href) : '<url>'}`;
  const serviceToken =
    'set a service token: CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS.';
  switch (code) {
    case 'sign_in_required': {
      const why = headlessBecauseOf(environment);
      return why === undefined
        ? `Sign in first: ${login}. Where nobody can, ${serviceToken}`
        : `${why} is set, so nobody is asked. Run it with CF_ACCESS_HEADLESS=0 to sign in: ${login}. Or, where the application takes one, ${serviceToken}`;
    }
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

/** Agents are told about the person, who here is the one that reads. */
const secondPerson: readonly [RegExp, string][] = [
  [
    /\bTell the person to finish the sign-in in their browser, and show them this address in case none has opened:/g,
    'Finish the sign-in in your browser, or at this address if none has opened:',
  ],
  [/\bShow the person this address to open in any browser:/g, 'Open this address in any browser:'],
  [/\bhave them copy\b/g, 'copy'],
  [/ and to enter the code\b/g, ' and enter the code'],
  [
    /\bTell the person that the sign-in is open in their browser\b/g,
    'The sign-in is open in your browser',
  ],
  [/\b(?:ask|have) the person (?:to )?have an administrator\b/gi, 'have an administrator'],
  [/\ballow them \(/g, 'allow you ('],
  [/, or to (?=sign in as\b)/g, ', or '],
  [/, or to give this server\b/g, ', or give you'],
  [/\bask the person for\b/gi, 'get'],
  [/\bask the person whether they\b/gi, 'see whether you'],
  [/\bask the person whether\b/gi, 'see whether'],
  [/\bask the person to /gi, ''],
  [/\btell the person (?:that|to) /gi, ''],
  [/\bhave the person /gi, ''],
  [
    /\bIf the person trusts this host with the secret, they add\b/g,
    'If you trust this host with the secret, add',
  ],
  [/\bif they (do|did not|vouch for it), they\b/g, 'if you $1,'],
  [/\bif another team is meant, they\b/g, 'if another team is meant,'],
  [
    /\bor the person registers a client that uses one and sets\b/g,
    'or register a client that uses one and set',
  ],
  [/\bthe person has to\b/g, 'you have to'],
  [/\bthe person is there\b/g, 'you are there'],
  [/\bthe person wants\b/g, 'you want'],
  [/\b(?:is|this is) their team\b/g, 'is your team'],
  [/\ba folder of their own\b/g, 'a folder of your own'],
  [/\bthis server(['’]s) environment\b/g, 'this shell$1 environment'],
  [/,? and restart(?: it| this server)?(?=[.;])/g, ''],
  [/ it has expired, have it named\b/g, ' it has expired, and have it named'],
  [/"method": "device"/g, '--device'],
  [/"method": "service_token"/g, '--method service_token'],
];

/** The tools' names where they are called. */
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

/** What an agent is told, in the words of the command line. */
export function inCommands(nextStep: string): string {
  // Every other part is an address, which stays as it is.
  const parts = nextStep.split(/(https?:\/\/\S+)/);
  const text = parts.map((part, at) => (at % 2 === 1 ? part : rephrase(part))).join('');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function rephrase(part: string): string {
  const text = [...secondPerson, ...commands].reduce(
    (words, [theirs, ours]) => words.replace(theirs, ours),
    part,
  );
  // Where the beginning of a sentence is gone.
  return text.replace(/[.!?] [a-z]/g, (start) => start.toUpperCase());
}
