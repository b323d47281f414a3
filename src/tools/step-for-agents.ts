/**
 * Next steps as text for an agent: which tool to call with which arguments, and what to ask or tell the
 * person.
 */
import type { NextStep, Step, When } from '../next-step.ts';
import { fetchClause, later, personClause, sentences } from '../step-clauses.ts';

export function stepForAgents(nextStep: NextStep): string {
  return sentences(nextStep.map((step) => inCase(step.when, clause(step))));
}

const cases: Record<When, string> = {
  again: 'If it happens again, ',
  persists: 'If it goes on, ',
  otherwise: 'Or ',
  confirmed: 'If so, ',
  done: 'When that is done, ',
  vouched: 'If the person vouches for it, ',
  trusted_with_secret: 'If the person trusts this host with the secret, ',
  own_team: 'Or, if that is the person’s own team and the host can prove it, ',
  wanted: 'If that is wanted, ',
  not_declined: 'If the person did not decline it, ',
  ready: 'When the person is there, ',
  ended: 'If that sign-in has ended, ',
  restarted: 'When this server has been started again, ',
  nobody_there: 'Where nobody can sign in, ',
  other_team: 'If another team is meant, ',
  not_typed: 'If the address came from a page or a redirect, ',
  own_authorization: 'If the application needs its own Authorization too, ',
  proxied: 'If a proxy is in use, ',
  to_sign_in: 'To sign in, ',
  needed: 'If the application needs it, ',
  as_another: 'If the person can sign in as somebody who is allowed, ',
};

function inCase(when: When | undefined, words: string): string {
  return when === undefined ? words : `${cases[when]}${words}`;
}

const environment = 'in this server’s environment and restart it';

function clause(step: Step): string {
  switch (step.do) {
    case 'sign_in':
      return signIn(step);
    case 'finish_sign_in':
      return finish(step);
    case 'join_open_sign_in':
      return 'tell the person, and ask whether they want to sign in there. If so, finish one that is open: call again without "force" to join it';
    case 'paste_callback':
      return 'pass as callback_url the whole address that the browser ended at, such as http://localhost:8400/callback?code=…&state=…';
    case 'avoid_sign_in':
      return avoid[step.why];
    case 'run_attended':
      return 'ask the person to run this server without CF_ACCESS_HEADLESS (and CI) where somebody can sign in';
    case 'let_call_sign_in':
      return 'make this call with "sign_in": true';
    case 'retry':
      return step.when === 'wanted' ? 'call again' : `call again${later(step.afterSeconds)}`;
    case 'do_not_retry':
      return 'do not retry: calling again changes nothing';
    case 'correct_input':
      return `call again with ${step.with}`;
    case 'leave_out':
      return `call again without ${step.what}`;
    case 'correct_arguments':
      return `correct that and call it again. Its arguments are: ${step.names.join(', ')}`;
    case 'choose_file':
      return file(step);
    case 'raise_timeout':
      return 'call again with a greater timeout_seconds';
    case 'fetch':
      return fetchClause(step, 'call access_fetch', 'server');
    case 'print_token':
      return 'call get_token with "as": "value"';
    case 'use_own_credential':
      return 'ask the person for the application’s own credentials, and pass them in the headers of access_fetch';
    case 'send_authorization':
      return 'pass an Authorization header to access_fetch';
    case 'send_user_agent':
      return 'pass a User-Agent header that the firewall lets through to access_fetch: questions to this host then go out under it as well';
    case 'see_help':
    case 'name_url':
    case 'choose_port':
      return 'ask the person to correct the command that they ran';
    case 'report_bug':
      return 'ask the person to report it, with what CF_ACCESS_LOG=debug prints on stderr';
    case 'do_not_follow':
      return 'do not follow it, and tell the person';
    case 'stop':
      return 'stop here and tell the person';
    case 'respect_limit':
      return `stop here and tell the person: whoever registered this server set that limit with ${step.variable}`;
    case 'open_yourself':
      return step.what === 'link'
        ? 'tell the person about the link: only another program of theirs can open it'
        : 'ask the person to open the page in their browser';
    case 'set_clock':
      return `tell the person that the clock of this machine has to be set, best by NTP (the command doctor, with ${step.url}, measures how far it is off), and then call again`;
    case 'check_network':
      return 'check the host name, ask the person about the network (VPN, WARP, HTTPS_PROXY), and call again';
    case 'start_program':
      return `start the program that should listen on port ${step.port}, or correct the port in the URL, and call again`;
    case 'ask_operator':
      return `tell the person that the operator of ${step.host} has to ${step.to}`;
    case 'check':
      return `ask the person whether ${step.whether}`;
    default:
      return `ask the person to ${personClause(step, environment)}`;
  }
}

const avoid: Record<Extract<Step, { do: 'avoid_sign_in' }>['why'], string> = {
  untrusted: 'do not sign in there',
  same_answer: 'do not sign in: the answer would be the same',
  not_asked:
    'do not sign in: the request was refused without asking who it is, and the answer would be the same',
  same_person: 'do not sign in again as the same person: the answer would be the same',
  not_needed: 'nobody needs to sign in',
  unasked: 'do not start another sign-in unless the person asks for it',
  declined: 'do not ask again unless the person wants to sign in',
};

function signIn(step: Extract<Step, { do: 'sign_in' }>): string {
  const { url, force, method, not, join, afterSeconds } = step;
  const where = url === undefined ? '' : ` with the URL ${url}`;
  const how = [
    ...(method ? [`with "method": "${method}"`] : []),
    ...(not ? [`without "method": "${not}"`] : []),
    ...(force ? ['with "force": true to start afresh'] : []),
    ...(join ? ['to join the sign-in'] : []),
  ];
  return `call authenticate${afterSeconds === undefined ? '' : ' again'}${where}${how.map((each) => ` ${each}`).join('')}${later(afterSeconds)}`;
}

function finish(step: Extract<Step, { do: 'finish_sign_in' }>): string {
  const { address, code, opened, comesBack, until, join } = step;
  const show = code
    ? `tell the person to open ${code.at} in any browser and to enter the code ${code.userCode}`
    : address === undefined
      ? 'tell the person that the sign-in is open in their browser, started by another process'
      : opened === false
        ? `no browser has been opened. Show the person this address to open in any browser: ${address}`
        : `tell the person to finish the sign-in in their browser, and show them this address in case none has opened: ${address}`;
  const ends = code
    ? []
    : comesBack
      ? [
          'If it ends at an http://localhost address that does not load, have them copy that whole address and pass it to authenticate as callback_url',
        ]
      : address === undefined
        ? []
        : ['It ends on a page that says so; nothing has to be copied back'];
  const again =
    join === undefined
      ? 'When they have signed in, make the same call again'
      : `Then call authenticate again with ${join} to join it`;
  // No full stop after an address, because it is copied from here.
  const shown = address !== undefined && ends.length > 0 ? `${show} ` : `${show}. `;
  return `${shown}${[...ends, `${again}; the sign-in stays open until ${until}`].join('. ')}`;
}

function file({ to, need }: Extract<Step, { do: 'choose_file' }>): string {
  switch (need) {
    case 'free_name':
      return 'give a name that is free; existing files are never replaced';
    case 'writable_folder':
      return 'give a path in a folder that can be written to and has room, and call again';
    case 'right_place':
      return to === 'save'
        ? 'give as save_to the path of a new file inside the working directory or one of the host’s roots, and not where credentials are kept'
        : 'give the path of a file inside the working directory or one of the host’s roots, and not where credentials are kept, nor a copy of what is there';
  }
}
