/**
 * What a next step says to both readers: the steps that only a person can take, in the imperative, without
 * a capital letter or a full stop, so that they can follow "ask the person to" as well as "If it happens
 * again,"; and that the page can be fetched.
 */
import type { Step, Variable } from './next-step.ts';

export type PersonStep = Extract<
  Step,
  {
    do:
      | 'set_variables'
      | 'fix_variables'
      | 'use_service_token'
      | 'check_service_token'
      | 'register_client'
      | 'check_proxy'
      | 'trust_certificate'
      | 'end_program'
      | 'repair_folder'
      | 'restart_server'
      | 'ask_administrator'
      | 'run_with_service_token';
  }
>;

/** `place`: where to set variables, such as "in this shell’s environment". */
export function personClause(step: PersonStep, place: string): string {
  switch (step.do) {
    case 'set_variables':
      return `set ${listed(step.variables.map(setting))} ${place}`;
    case 'fix_variables':
      return `fix ${step.names ? listed(step.names) : 'these variables'} ${place}`;
    case 'use_service_token':
      return `set a service token that the application’s policies allow, as CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS=${step.host} ${place}`;
    case 'check_service_token':
      return `compare CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET (or the service tokens file) with the Zero Trust dashboard, renew the token there if it has expired, have a Service Auth policy of this application name it if none does, and set both variables correctly ${place}`;
    case 'register_client': {
      const { host, redirectUri, authMethods } = step;
      const where = redirectUri === undefined ? '' : ` with the redirection URI ${redirectUri}`;
      const how = authMethods ? ` that authenticates with ${listed(authMethods, 'or')}` : '';
      return `register a native client at ${host}${where}${how}, and set CF_ACCESS_OAUTH_CLIENT_ID (and CF_ACCESS_OAUTH_CLIENT_SECRET if it has one) ${place}`;
    }
    case 'check_proxy':
      return `check HTTPS_PROXY, its scheme, user name and password, and NO_PROXY ${place}`;
    case 'trust_certificate':
      return `set NODE_EXTRA_CA_CERTS to the PEM file of the organisation’s root certificate ${place}. The likely cause is TLS inspection by Cloudflare Gateway or another proxy; do not turn verification off`;
    case 'end_program':
      return `find ${step.program} and end it`;
    case 'repair_folder':
      return `make sure that ${step.folder} can be read and written, and that its disk has room`;
    case 'restart_server':
      return 'start this MCP server again in its host';
    case 'ask_administrator':
      return `have an administrator of ${
        step.claimedTeam === undefined
          ? 'its Cloudflare Zero Trust organisation'
          : `the Zero Trust organisation that it claims to be of (${step.claimedTeam})`
      } ${step.to}`;
    case 'run_with_service_token':
      return 'run the other program with the service token in its own environment';
  }
}

/** `use`: the reader's way of fetching, such as "call access_fetch"; `program`: the one that says so. */
export function fetchClause(
  { because, signedInAt, inMemoryBecause }: Extract<Step, { do: 'fetch' }>,
  use: string,
  program: 'command' | 'server',
): string {
  const why = because === undefined ? '' : becauseOf[because];
  const facts = [
    ...(signedInAt === undefined ? [] : [`Signed in at ${signedInAt}`]),
    ...(inMemoryBecause === undefined
      ? []
      : [`The session ends with this ${program}, since it is kept in memory: ${inMemoryBecause}`]),
  ];
  return [`${use}${why}`, ...facts].join('. ');
}

const becauseOf: Record<NonNullable<Extract<Step, { do: 'fetch' }>['because']>, string> = {
  nothing_asked: ', or any other HTTP client: this URL asks for nothing',
  session: ': there is a session',
  service_token_ready: ': the service token will be sent',
  sends_service_token: ', which sends the service token itself',
  signs_in_itself: ', which starts the sign-in itself',
};

function setting(variable: Variable): string {
  if ('value' in variable) return `${variable.name}=${variable.value}`;
  if ('to' in variable) return `${variable.name} to ${variable.to}`;
  const { name, entry, insteadOf } = variable;
  return insteadOf === undefined
    ? `${name}=${entry} (or add it to the list there, after a comma)`
    : `${name}=${entry} (in place of ${insteadOf})`;
}

export function listed(words: readonly string[], joint = 'and'): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} ${joint} ${words.at(-1)}`;
}

/** Such as ` in a minute`; empty if there is no need to wait. */
export function later(afterSeconds: number | undefined): string {
  if (afterSeconds === undefined) return '';
  const minutes = Math.ceil(afterSeconds / 60);
  return minutes === 1 ? ' in a minute' : ` in ${minutes} minutes`;
}

/** Joins steps into one text, leaving out those that do not concern this reader (`undefined`). */
export function sentences(clauses: readonly (string | undefined)[]): string {
  const said = clauses.filter((clause) => clause !== undefined && clause !== '') as string[];
  return said
    .map((clause, at) => {
      const sentence = clause.charAt(0).toUpperCase() + clause.slice(1);
      // No full stop after an address at the very end, so that it can be copied.
      const isAddress = at === said.length - 1 && /https?:\/\/\S+$/.test(clause);
      return isAddress || /[.!?]$/.test(clause) ? sentence : `${sentence}.`;
    })
    .join(' ');
}
