/** Every guard × where a person would sign in × headless × the service token and the proof for it. */
import { describe, expect, it, test } from 'vitest';
import { createMakePlan } from '../../src/access/plan.ts';
import { createRunPlan } from '../../src/access/run-plan.ts';
import { createGrantedTokens } from '../../src/access/service-tokens/granted.ts';
import { createServiceTokens } from '../../src/access/service-tokens/service-tokens.ts';
import type { ServiceToken } from '../../src/cloudflare/service-token/service-token.ts';
import type { SignedAnswer } from '../../src/cloudflare/signed-answer.ts';
import { AccessError, isAccessError } from '../../src/errors.ts';
import type { FindTarget } from '../../src/sign-in/find-target.ts';
import type { Target } from '../../src/sign-in/target.ts';
import {
  type AnswerName,
  answerOf,
  audience,
  oauthTarget,
  team,
  transferTarget,
} from './answers.ts';

const proof: SignedAnswer = {
  verified: true,
  teamDomain: team,
  audience,
  applicationDomain: 'app.example.com',
};
const general: ServiceToken = { clientId: 'a.access', clientSecret: 's', hosts: [], general: true };
const hosts = [{ hostname: 'app.example.com', wildcard: false, port: '' }];

interface TokenState {
  readonly tokens: readonly ServiceToken[];
  readonly proof?: SignedAnswer;
  readonly pinnedTeam?: string;
}

const states: Record<'ready' | 'not_configured' | 'host_not_allowed', readonly TokenState[]> = {
  ready: [
    { tokens: [{ ...general, hosts }] },
    { tokens: [general], pinnedTeam: team, proof },
    { tokens: [{ ...general, hosts, general: false }], pinnedTeam: team },
  ],
  not_configured: [{ tokens: [] }, { tokens: [], pinnedTeam: team, proof }],
  host_not_allowed: [
    { tokens: [general] },
    { tokens: [general], proof },
    { tokens: [general], pinnedTeam: 'other.cloudflareaccess.com', proof },
    { tokens: [general], pinnedTeam: team, proof: { verified: false, why: 'its signature' } },
    { tokens: [{ ...general, general: false }], pinnedTeam: team, proof },
  ],
};

const untrusted = new AccessError('untrusted_authorization_server', 'Not trusted.', [
  { do: 'stop' },
]);

/** What it comes to where nobody has a session: the plan, and for the service token, whether it is there. */
async function outcomeOf(
  name: AnswerName,
  headless: boolean,
  found: Target | AccessError | undefined,
  state: TokenState,
): Promise<string> {
  const answer = answerOf(name);
  const findTarget: FindTarget = async () => {
    if (isAccessError(found)) throw found;
    return found;
  };
  const plan = await createMakePlan({ findTarget, headless })(answer);
  if (plan.kind === 'refused') return `refused: ${plan.refusal.code}`;
  if (plan.kind === 'stuck') return `stuck: ${plan.obstacle.code}`;
  if (plan.kind === 'sign_in' && plan.unasked) return 'sign_in, service token first';
  if (plan.kind !== 'service_token') return plan.kind;
  const nowhere = () => Promise.reject(new Error('nothing is to be sent'));
  const serviceTokens = createServiceTokens({
    tokens: state.tokens,
    granted: createGrantedTokens(),
    pinnedTeam: state.pinnedTeam,
    proofs: { prove: async () => state.proof },
    guardedSend: nowhere,
  });
  const runPlan = createRunPlan({
    credentials: { remember() {} },
    serviceTokens,
    silentCredentials: { find: nowhere, cloudflared: nowhere },
    headless,
  });
  const credential = runPlan.withServiceToken(answer, plan, undefined);
  return credential.then(
    ({ method }) => method,
    (error: unknown) => (isAccessError(error) ? error.code : String(error)),
  );
}

const noPerson = ['service_token', 'sign_in_required', 'service_token_host_not_allowed'] as const;
const noWay = [
  'service_token',
  'untrusted_authorization_server',
  'service_token_host_not_allowed',
] as const;
const tokenAlone = [
  'service_token',
  'service_token_not_configured',
  'service_token_host_not_allowed',
] as const;
const stuck = 'stuck: untrusted_authorization_server';

/** With people at hand; headless: with a token that is ready, none, and one that is not for this host. */
type Outcomes = string | readonly [ready: string, notConfigured: string, hostNotAllowed: string];

const rows: [AnswerName, Target | AccessError | undefined, Outcomes, Outcomes][] = [
  ['nothing is asked for', undefined, 'open', 'open'],
  ['the tunnel is down', undefined, ...twice('refused: temporarily_unavailable')],
  ['a policy denies', transferTarget(true), 'sign_in, service token first', noPerson],
  ['a policy denies', untrusted, noWay, noWay],
  ['no application', undefined, ...twice('refused: access_denied')],
  ['Managed OAuth', oauthTarget, 'sign_in', noPerson],
  ['Managed OAuth', untrusted, stuck, noWay],
  ['another OAuth', oauthTarget, 'sign_in', 'sign_in_required'],
  ['another OAuth', untrusted, stuck, 'untrusted_authorization_server'],
  ['a browser login', transferTarget(true), 'sign_in', noPerson],
  ['a browser login', transferTarget(false), 'sign_in', noPerson],
  ['a browser login', untrusted, stuck, noWay],
  ['Service Auth alone', untrusted, tokenAlone, tokenAlone],
  ['a bare Bearer', oauthTarget, 'sign_in', 'sign_in_required'],
  ['a bare Bearer', untrusted, stuck, 'untrusted_authorization_server'],
  ['a bare Bearer', undefined, ...twice('foreign')],
  ['Basic authentication', undefined, ...twice('foreign')],
  ['a bare 401', undefined, ...twice('foreign')],
];

function twice(outcome: string): [string, string] {
  return [outcome, outcome];
}

describe.each(rows)('%s', (name, found, withPeople, headless) => {
  const where =
    found === undefined ? 'nowhere' : isAccessError(found) ? 'not possible' : found.kind;
  it.each([
    ['with people', false, withPeople],
    ['headless', true, headless],
  ] as const)(`and a sign-in is ${where}, %s`, async (_, isHeadless, outcomes) => {
    const expected = typeof outcomes === 'string' ? [outcomes, outcomes, outcomes] : outcomes;
    for (const [at, named] of Object.values(states).entries()) {
      for (const state of named) {
        expect(await outcomeOf(name, isHeadless, found, state), JSON.stringify(state)).toBe(
          expected[at],
        );
      }
    }
  });
});

describe('a plan', () => {
  const failing = (error: unknown) =>
    createMakePlan({ findTarget: () => Promise.reject(error), headless: true });

  test('looks up no target where the caller needs none', async () => {
    const makePlan = failing(new Error('not to be looked up'));
    const plan = await makePlan(answerOf('a browser login'), { withTarget: false });
    expect(plan).toEqual({ kind: 'service_token' });
  });

  test('is not made of a call that was cancelled, nor of a fault of this program', async () => {
    const cancelled = new AccessError('cancelled', 'Cancelled.', [{ do: 'retry' }]);
    await expect(failing(cancelled)(answerOf('Managed OAuth'))).rejects.toBe(cancelled);
    const fault = new TypeError('undefined is not a function');
    await expect(failing(fault)(answerOf('Managed OAuth'))).rejects.toBe(fault);
    const signal = AbortSignal.abort();
    await expect(failing(untrusted)(answerOf('Managed OAuth'), { signal })).rejects.toBe(untrusted);
  });
});
