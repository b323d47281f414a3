/** Every kind of next step, rendered for both readers. */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { Reader } from '../src/cli/terminal/reader.ts';
import { stepForPeople } from '../src/cli/terminal/step-for-people.ts';
import { type NextStep, nextStepSchema, type Step, type When } from '../src/next-step.ts';
import { mapTexts } from '../src/step-texts.ts';
import { stepForAgents } from '../src/tools/step-for-agents.ts';

const host = 'app.example.com';
const until = '2030-01-01T00:00:00.000Z';
const address = 'https://acme.cloudflareaccess.com/authorize?state=1';

/** At least one example of each kind; the compiler finds what is missing. */
const examples: { readonly [Kind in Step['do']]: readonly Extract<Step, { do: Kind }>[] } = {
  sign_in: [
    { do: 'sign_in' },
    { do: 'sign_in', url: 'https://app.example.com/a', force: true },
    { do: 'sign_in', method: 'device', when: 'ready' },
    { do: 'sign_in', method: 'service_token' },
    { do: 'sign_in', not: 'device', when: 'otherwise' },
    { do: 'sign_in', join: true },
    { do: 'sign_in', afterSeconds: 60 },
  ],
  finish_sign_in: [
    { do: 'finish_sign_in', address, opened: true, comesBack: true, until },
    { do: 'finish_sign_in', address, opened: false, comesBack: true, until, join: 'https://a/' },
    { do: 'finish_sign_in', address, comesBack: false, until },
    { do: 'finish_sign_in', comesBack: true, until },
    {
      do: 'finish_sign_in',
      code: { userCode: 'ABCD-EFGH', at: 'https://acme.cloudflareaccess.com/device' },
      comesBack: false,
      until,
    },
  ],
  join_open_sign_in: [{ do: 'join_open_sign_in' }],
  paste_callback: [{ do: 'paste_callback' }],
  avoid_sign_in: (
    [
      'untrusted',
      'same_answer',
      'not_asked',
      'same_person',
      'not_needed',
      'unasked',
      'declined',
    ] as const
  ).map((why) => ({ do: 'avoid_sign_in', why })),
  run_attended: [{ do: 'run_attended' }, { do: 'run_attended', url: 'https://app.example.com/' }],
  let_call_sign_in: [{ do: 'let_call_sign_in' }],
  retry: [{ do: 'retry' }, { do: 'retry', afterSeconds: 180 }, { do: 'retry', when: 'wanted' }],
  do_not_retry: [{ do: 'do_not_retry' }],
  correct_input: [{ do: 'correct_input', with: 'an https URL' }],
  leave_out: [{ do: 'leave_out', what: 'these headers' }],
  correct_arguments: [{ do: 'correct_arguments', names: ['url', 'force'] }],
  choose_file: [
    { do: 'choose_file', to: 'save', need: 'right_place' },
    { do: 'choose_file', to: 'send', need: 'right_place' },
    { do: 'choose_file', to: 'save', need: 'free_name' },
    { do: 'choose_file', to: 'save', need: 'writable_folder' },
  ],
  raise_timeout: [{ do: 'raise_timeout', when: 'otherwise' }],
  fetch: [
    { do: 'fetch' },
    { do: 'fetch', because: 'nothing_asked' },
    { do: 'fetch', because: 'session' },
    { do: 'fetch', because: 'service_token_ready' },
    { do: 'fetch', because: 'sends_service_token' },
    { do: 'fetch', because: 'signs_in_itself' },
    { do: 'fetch', signedInAt: 'https://acme.cloudflareaccess.com', inMemoryBecause: 'no folder.' },
  ],
  print_token: [{ do: 'print_token' }],
  use_own_credential: [{ do: 'use_own_credential', when: 'own_authorization' }],
  run_with_service_token: [{ do: 'run_with_service_token' }],
  send_authorization: [{ do: 'send_authorization', when: 'needed' }],
  see_help: [{ do: 'see_help', command: 'fetch' }],
  name_url: [{ do: 'name_url', command: 'headers', variable: 'CLAUDE_CODE_MCP_SERVER_URL' }],
  choose_port: [{ do: 'choose_port' }],
  report_bug: [{ do: 'report_bug', when: 'again' }],
  send_user_agent: [{ do: 'send_user_agent', when: 'otherwise' }],
  do_not_follow: [{ do: 'do_not_follow', when: 'not_typed' }],
  stop: [{ do: 'stop' }],
  respect_limit: [{ do: 'respect_limit', variable: 'CF_ACCESS_READ_ONLY' }],
  open_yourself: [
    { do: 'open_yourself', what: 'link' },
    { do: 'open_yourself', what: 'page' },
  ],
  set_variables: [
    {
      do: 'set_variables',
      variables: [
        { name: 'CF_ACCESS_TEAM_DOMAIN', value: 'acme.cloudflareaccess.com' },
        { name: 'CF_ACCESS_HOSTS', entry: host },
        { name: 'CF_ACCESS_CALLBACK_PORT', to: 'a free port' },
      ],
    },
  ],
  fix_variables: [{ do: 'fix_variables' }, { do: 'fix_variables', names: ['A', 'B'] }],
  use_service_token: [{ do: 'use_service_token', host }],
  check_service_token: [{ do: 'check_service_token' }],
  register_client: [
    { do: 'register_client', host },
    {
      do: 'register_client',
      host,
      redirectUri: 'http://localhost:8400/callback',
      authMethods: ['none', 'client_secret_basic'],
    },
  ],
  check_network: [{ do: 'check_network' }],
  set_clock: [{ do: 'set_clock', url: 'https://app.example.com/' }],
  check_proxy: [{ do: 'check_proxy', when: 'proxied' }],
  trust_certificate: [{ do: 'trust_certificate' }],
  start_program: [{ do: 'start_program', port: '8080' }],
  end_program: [{ do: 'end_program', program: 'the program that holds the port' }],
  restart_server: [{ do: 'restart_server' }],
  repair_folder: [{ do: 'repair_folder', folder: '/data' }],
  ask_administrator: [
    { do: 'ask_administrator', to: 'allow this account in the application’s policies' },
    { do: 'ask_administrator', claimedTeam: 'acme.cloudflareaccess.com', to: 'do this' },
  ],
  ask_operator: [{ do: 'ask_operator', host, to: 'fix its metadata' }],
  check: [{ do: 'check', whether: 'the address is right' }],
};

const all: readonly Step[] = Object.values(examples).flat();
const named = all.map((step) => [JSON.stringify(step), step] as const);

const readers: readonly (readonly [string, Reader])[] = [
  ['at a command', { environment: {}, url: new URL('https://app.example.com/') }],
  ['without a URL', { environment: {} }],
  ['of connect', { environment: {}, url: new URL('https://a.example.com/'), repeats: 'message' }],
  ['of forward', { environment: {}, url: new URL('https://a.example.com/'), repeats: 'request' }],
  ['of a server’s start', { environment: {}, place: 'server' }],
  ['where nobody is asked', { environment: { CI: 'true' } }],
];

const inSentences = /^[A-Z][\s\S]*?(?:[.!?]|https?:\/\/\S+)$/;

describe('for an agent', () => {
  it.each(named)('%s', (_, step) => {
    const words = stepForAgents([step]);
    expect(words).toMatch(inSentences);
    expect(words).not.toMatch(/(?<!\w)--[a-z]|cloudflare-access-mcp|\byour?\b|this shell/i);
    expect(words).not.toContain('undefined');
  });
});

describe.each(readers)('for a person %s', (_, reader) => {
  it.each(named)('%s', (_name, step) => {
    const words = stepForPeople([step], reader);
    // Some say nothing to a person.
    if (words !== '') expect(words).toMatch(inSentences);
    expect(words).not.toMatch(
      /\b(?:the|tell|ask) person\b|\b(?:they|them|their)\b|access_fetch|authenticate\b(?! with)|get_token|callback_url|this server/i,
    );
    expect(words).not.toContain('undefined');
  });
});

describe('the case in which a step is to be taken', () => {
  const cases: Readonly<Record<When, true>> = {
    again: true,
    persists: true,
    otherwise: true,
    confirmed: true,
    done: true,
    vouched: true,
    trusted_with_secret: true,
    own_team: true,
    wanted: true,
    not_declined: true,
    ready: true,
    ended: true,
    restarted: true,
    nobody_there: true,
    other_team: true,
    not_typed: true,
    own_authorization: true,
    proxied: true,
    to_sign_in: true,
    needed: true,
    as_another: true,
  };

  it.each(Object.keys(cases) as When[])('%s comes before it, for both', (when) => {
    const steps: NextStep = [{ do: 'check_network', when }];
    expect(stepForAgents(steps)).toMatch(/^[A-Z].* ?check the host name/);
    expect(stepForPeople(steps, { environment: {} })).toMatch(/^(?:[A-Z].* c|C)heck the host/);
  });
});

describe('several steps', () => {
  it('are sentences; an address at the end is left as it can be copied', () => {
    const steps: NextStep = [
      { do: 'avoid_sign_in', why: 'untrusted' },
      { do: 'check', whether: 'the address is right' },
      {
        when: 'vouched',
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_HOSTS', entry: host }],
      },
      { do: 'sign_in' },
    ];
    expect(stepForAgents(steps)).toBe(
      'Do not sign in there. Ask the person whether the address is right. If the person vouches for it, ask the person to set CF_ACCESS_HOSTS=app.example.com (or add it to the list there, after a comma) in this server’s environment and restart it. Call authenticate.',
    );
    const url = new URL('https://app.example.com/');
    expect(stepForPeople(steps, { environment: {}, url })).toBe(
      'Do not sign in there. Check whether the address is right. If you vouch for it, set CF_ACCESS_HOSTS=app.example.com (or add it to the list there, after a comma) in this shell’s environment. Sign in: cloudflare-access-mcp login https://app.example.com/',
    );
  });

  it('of which some say nothing to a person leave no gap', () => {
    const steps: NextStep = [{ do: 'stop' }, { do: 'retry' }, { do: 'raise_timeout' }];
    expect(stepForPeople(steps, { environment: {} })).toBe('Run it again.');
    expect(stepForPeople([{ do: 'stop' }], { environment: {} })).toBe('');
  });

  it('of a sign-in that a request of another program waits for name its address', () => {
    const steps: NextStep = [{ do: 'finish_sign_in', address, comesBack: true, until }];
    const reader: Reader = { environment: {}, repeats: 'request' };
    expect(stepForPeople(steps, reader)).toBe(
      `Sign in at ${address} if no browser has opened, then send the request again.`,
    );
  });

  it('quote a URL that would mean something to a shell', () => {
    const url = new URL('https://app.example.com/?a=1&b=2');
    expect(stepForPeople([{ do: 'sign_in' }], { environment: {}, url })).toBe(
      "Sign in: cloudflare-access-mcp login 'https://app.example.com/?a=1&b=2'",
    );
  });
});

describe('as kept on disk', () => {
  it.each(named)('%s comes back as it was', (_, step) => {
    const kept: unknown = JSON.parse(JSON.stringify([step]));
    expect(v.parse(nextStepSchema, kept)).toEqual([step]);
  });

  it.each([
    [[{ do: 'dance' }]],
    [[{ do: 'retry', url: 'https://a/' }]],
    [[{ do: 'ask_operator', host }]],
    [[{ do: 'check', whether: 'x'.repeat(65_537) }]],
    [Array.from({ length: 17 }, () => ({ do: 'retry' }))],
    [[{ do: 'retry', when: 'whenever' }]],
    ['Call again.'],
  ])('%j is no next step', (value) => {
    expect(v.is(nextStepSchema, value)).toBe(false);
  });
});

describe('cutting out secrets', () => {
  it.each(named)('reaches every text of %s, and leaves the rest', (_, step) => {
    const cut = mapTexts([step], () => 'x');
    expect(v.is(nextStepSchema, cut)).toBe(true);
    const before = JSON.stringify(step);
    for (const text of ['app.example.com', 'acme', 'localhost:8400', 'ABCD', 'CF_ACCESS', '/data'])
      if (before.includes(text)) expect(JSON.stringify(cut)).not.toContain(text);
  });
});
