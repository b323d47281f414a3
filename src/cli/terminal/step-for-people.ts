/**
 * Next steps as text for the person at the command line, who takes them. Those of a sign-in are in
 * sign-in-for-people.ts.
 */
import type { NextStep, Step, When } from '../../next-step.ts';
import { fetchClause, later, personClause, sentences } from '../../step-clauses.ts';
import { program, repeated, shellWord } from './command-lines.ts';
import type { Reader } from './reader.ts';
import { attended, avoidSignIn, finishSignIn, login, signIn } from './sign-in-for-people.ts';

export function stepForPeople(nextStep: NextStep, reader: Reader): string {
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
  done: 'When that is done, ',
  vouched: 'If you vouch for it, ',
  trusted_with_secret: 'If you trust this host with the secret, ',
  own_team: 'Or, if that is your team and the host can prove it, ',
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
  needed: 'If the application needs it, ',
  as_another: 'If you can sign in as somebody who is allowed, ',
};

const places = {
  shell: 'in this shell’s environment',
  server: 'in the server’s entry in your MCP host, then restart it',
} as const;

function clause(step: Step, reader: Reader): string | undefined {
  const again = repeated[reader.repeats ?? 'command'];
  switch (step.do) {
    case 'sign_in':
      return signIn(step, reader);
    case 'finish_sign_in':
      return finishSignIn(step, reader);
    case 'join_open_sign_in':
      return `finish one that is open: ${login(reader)}`;
    case 'paste_callback':
      return 'give login --callback-url the whole address that your browser ended at, such as http://localhost:8400/callback?code=…&state=…';
    case 'avoid_sign_in':
      return avoidSignIn(step.why, reader);
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
      return fetchClause(step, `use ${program} fetch`, 'command');
    case 'print_token':
      return `print the token instead: ${program} token ${reader.url ? shellWord(reader.url.href) : '<url>'}`;
    case 'use_own_credential':
      return `pass the application’s own credentials with ${program} fetch -H`;
    case 'send_authorization':
      return `pass an Authorization header with ${program} fetch -H`;
    case 'send_user_agent':
      return `give ${program} login or fetch a name with -A that the firewall lets through: questions to this host then go out under it as well`;
    case 'see_help':
      return `see ${program} ${step.command} --help`;
    case 'name_url':
      return `name one: ${program} ${step.command} <url>. Claude Code names it in ${step.variable}`;
    case 'choose_port':
      return 'name another --port, or leave it out for any that is free';
    case 'report_bug':
      return 'report it with what CF_ACCESS_LOG=debug prints';
    case 'do_not_follow':
      return 'do not follow it';
    case 'stop':
      return undefined;
    case 'respect_limit':
      return `${step.variable} ${places[reader.place ?? 'shell']} sets that limit`;
    case 'open_yourself':
      return step.what === 'link'
        ? 'open that link with the program that it is for'
        : 'open the page in your browser';
    case 'set_clock':
      return `set this machine’s clock, best by NTP (${program} doctor ${shellWord(step.url)} measures how far it is off), and ${again}`;
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
