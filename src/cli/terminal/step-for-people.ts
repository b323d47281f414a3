/** Next steps in words for the person at the command line, who is the one to take them. */
import type { Environment } from '../../config/config.ts';
import type { NextStep, Step, When } from '../../next-step.ts';
import { later, personClause, sentences } from '../../step-clauses.ts';
import { loginCommand, program, shellWord } from './command-lines.ts';
import { headlessBecauseOf } from './headless.ts';

export interface Reader {
  readonly environment: Environment;
  /** What the command was about, for commands that a step names. */
  readonly url?: URL | undefined;
  /** What is repeated: the command, or a request of another program through `forward`. */
  readonly repeats?: 'command' | 'request';
  /** Whose environment is meant; `server`: what the MCP host starts. */
  readonly place?: 'shell' | 'server';
}

export function stepForPeople(nextStep: NextStep | string, reader: Reader): string {
  if (typeof nextStep === 'string') return nextStep;
  return sentences(
    nextStep.map((step) => {
      const words = clause(step, reader);
      return step.when === undefined || words === undefined ? words : `${cases[step.when]}${words}`;
    }),
  );
}

const cases: Record<When, string> = {
  again: 'If it happens again, ',
  persists: 'If it goes on, ',
  otherwise: 'Or ',
  confirmed: 'If so, ',
  vouched: 'If you vouch for it, ',
  wanted: 'If you want that, ',
  not_declined: 'If you did not decline it, ',
  ready: 'When you are ready, ',
  ended: 'If that sign-in has ended, ',
  restarted: '',
  nobody_there: 'Where nobody can sign in, ',
  other_team: 'If another team is meant, ',
  not_typed: 'If the address came from a page or a redirect, ',
  own_authorization: 'If the application needs its own Authorization too, ',
  proxied: 'If a proxy is in use, ',
  to_sign_in: 'To sign in, ',
};

const places = {
  shell: 'in this shell’s environment',
  server: 'in the server’s entry in your MCP host, then restart it',
} as const;

function clause(step: Step, reader: Reader): string | undefined {
  const again = reader.repeats === 'request' ? 'send the request again' : 'run it again';
  switch (step.do) {
    case 'sign_in':
      return signIn(step, reader);
    case 'finish_sign_in':
      return finish(step, reader);
    case 'join_open_sign_in':
      return `finish one that is open: ${login(reader)}`;
    case 'paste_callback':
      return 'give --callback-url the whole address that your browser ended at, such as http://localhost:8400/callback?code=…&state=…';
    case 'avoid_sign_in':
      return avoid(step.why, reader);
    case 'run_attended':
      return attended(reader) ?? `sign in where somebody can: ${login(reader, step.url)}`;
    case 'let_call_sign_in':
      return 'run it without --no-sign-in';
    case 'retry':
      return step.when === 'wanted' || step.when === 'restarted'
        ? undefined
        : `${again}${later(step.afterSeconds)}`;
    case 'do_not_retry':
      return 'running it again changes nothing';
    case 'correct_input':
      return `${again} with ${step.with}`;
    case 'leave_out':
      return `${again} without ${step.what}`;
    case 'correct_arguments':
      return `correct that and ${again}`;
    case 'choose_file':
      return file(step);
    case 'raise_timeout':
      return undefined;
    case 'fetch':
      return fetchIt(step);
    case 'print_token':
      return `print the token instead: ${program} token ${reader.url ? shellWord(reader.url.href) : '<url>'}`;
    case 'use_own_credential':
      return `pass the application’s own credentials with ${program} fetch -H`;
    case 'see_help':
      return `see ${program} ${step.command} --help`;
    case 'name_url':
      return `name one: ${program} ${step.command} <url>. Claude Code names it in ${step.variable}`;
    case 'choose_port':
      return 'name another --port, or leave it out for any that is free';
    case 'report_bug':
      return 'report it with what CF_ACCESS_LOG=debug prints';
    case 'stop':
      return undefined;
    case 'respect_limit':
      return `${step.variable} ${places[reader.place ?? 'shell']} sets that limit`;
    case 'open_yourself':
      return step.what === 'link'
        ? 'open that link with the program that it is for'
        : 'open the page in your browser';
    case 'check_network':
      return `check the host name and the network (VPN, WARP, HTTPS_PROXY), and ${again}`;
    case 'start_program':
      return `start the program that should listen on port ${step.port}, or correct the port in the URL, and ${again}`;
    case 'ask_operator':
      return `the operator of ${step.host} has to ${step.to}`;
    case 'check':
      return `check whether ${step.whether}`;
    default:
      return personClause(step, places[reader.place ?? 'shell']);
  }
}

function login({ url: about }: Reader, url = about?.href, flags?: readonly string[]): string {
  return loginCommand(url, flags);
}

function signIn(step: Extract<Step, { do: 'sign_in' }>, reader: Reader): string {
  const { url, force, method, not, join, afterSeconds } = step;
  const flags = [...(method === undefined ? [] : [flagFor(method)]), ...(force ? ['--force'] : [])];
  const command = login(reader, url, flags);
  if (join) return `join the sign-in: ${command}`;
  if (method !== 'service_token') {
    const unattended = attended(reader, command);
    if (unattended) return unattended;
  }
  const how = `${not ? ` without ${flagFor(not)}` : ''}${force ? ' afresh' : ''}`;
  return `sign in${how}${later(afterSeconds)}: ${command}`;
}

function flagFor(method: 'browser' | 'device' | 'service_token'): string {
  return method === 'device' ? '--device' : `--method ${method}`;
}

/** Where a variable forbids asking a person: how to be asked all the same. */
function attended(reader: Reader, command = login(reader)): string | undefined {
  const why = headlessBecauseOf(reader.environment);
  return why === undefined
    ? undefined
    : `run it with CF_ACCESS_HEADLESS=0 to sign in (${why} is set, so nobody is asked): ${command}`;
}

function finish(step: Extract<Step, { do: 'finish_sign_in' }>, reader: Reader): string {
  const { address, code, opened, comesBack, until, join } = step;
  const show = code
    ? `open ${code.at} in any browser and enter the code ${code.userCode}`
    : address === undefined
      ? 'the sign-in is open in your browser, started by another process'
      : opened === false
        ? `no browser has been opened. Open this address in any browser: ${address}`
        : `finish the sign-in in your browser, or at this address if none has opened: ${address}`;
  const shown = address === undefined || code ? `${show}.` : show;
  if (reader.repeats === 'request') return `${shown} Then send the request again`;
  const copy =
    comesBack && !code
      ? ' If it ends at an http://localhost address that does not load, pass that whole address with --callback-url.'
      : '';
  const again =
    join === undefined ? 'run the same command again' : `run ${login(reader, join)} to join it`;
  return `${shown}${copy} Then ${again}; it stays open until ${until}`;
}

function avoid(
  why: Extract<Step, { do: 'avoid_sign_in' }>['why'],
  reader: Reader,
): string | undefined {
  switch (why) {
    case 'untrusted':
      return 'do not sign in there';
    case 'same_answer':
      return 'signing in does not help: the answer would be the same';
    case 'same_person':
      return 'signing in again as the same person does not help: the answer would be the same';
    case 'not_needed':
      return 'nobody needs to sign in';
    case 'unasked':
    case 'declined':
      return `to try once more: ${login(reader)}`;
  }
}

function file({ to, need }: Extract<Step, { do: 'choose_file' }>): string {
  switch (need) {
    case 'free_name':
      return 'give a name that is free; existing files are never replaced';
    case 'writable_folder':
      return 'give a path in a folder that can be written to and has room';
    case 'right_place':
      return `give the path of a ${to === 'save' ? 'new ' : ''}file that is not where credentials are kept`;
  }
}

function fetchIt(step: Extract<Step, { do: 'fetch' }>): string {
  const { because, signedInAt, inMemoryBecause } = step;
  const why = because === undefined ? '' : becauseOf[because];
  const facts = [
    ...(signedInAt === undefined ? [] : [`Signed in at ${signedInAt}`]),
    ...(inMemoryBecause === undefined
      ? []
      : [`The session ends with this command, since it is kept in memory: ${inMemoryBecause}`]),
  ];
  return [`use ${program} fetch${why}`, ...facts].join('. ');
}

const becauseOf: Record<NonNullable<Extract<Step, { do: 'fetch' }>['because']>, string> = {
  nothing_asked: ': this URL asks for nothing',
  session: ': there is a session',
  sends_service_token: ', which sends the service token itself',
  signs_in_itself: ', which has you sign in itself',
};
