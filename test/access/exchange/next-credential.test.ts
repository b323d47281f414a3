/** Which credential is tried after a challenge, in which order, and when it is given up. */
import { expect, it } from 'vitest';
import type { GuardedAnswer } from '../../../src/access/exchange/guarded-request.ts';
import { createNextCredential } from '../../../src/access/exchange/next-credential.ts';
import { nothingTried, type Tried } from '../../../src/access/exchange/tried.ts';
import type { Plan } from '../../../src/access/plan.ts';
import { AccessError } from '../../../src/errors.ts';
import { authorizationIsOurs } from '../../../src/http/agent-headers.ts';
import {
  type ResourceCredential,
  sessionCredential,
} from '../../../src/session/resource-credential.ts';
import type { Target } from '../../../src/sign-in/target.ts';
import { oauthSession } from '../../session/machine.ts';
import { failureOf } from '../../support/resource-loopback.ts';
import { type AnswerName, answerOf, oauthTarget, team, transferTarget, url } from '../answers.ts';

const wiki = 'https://app.example.com/wiki';
const issuer = `https://${team}`;
const oauth = (token: string) => sessionCredential(oauthSession(wiki, token, issuer));
const jwt = (token: string): ResourceCredential => {
  const { grant: _, ...session } = oauthSession('https://app.example.com/', token, issuer);
  return sessionCredential({ ...session, method: 'browser_transfer' });
};
const serviceToken: ResourceCredential = {
  credential: { kind: 'service_token', clientId: 'a.access', clientSecret: 's' },
  method: 'service_token',
  resource: wiki,
  identity: 'a',
};
const fromCloudflared: ResourceCredential = {
  ...jwt('cloudflared'),
  method: 'cloudflared',
};

interface Scene {
  readonly plan: Plan;
  readonly refused?: ResourceCredential;
  readonly tried?: Partial<Tried>;
  readonly stored?: string;
  readonly renewed?: string;
  readonly silent?: ResourceCredential;
  /** The service token that comes before a person. */
  readonly first?: ResourceCredential;
  /** Where the JWT is to be had that travels beside the agent's own Authorization. */
  readonly beside?: Target;
  readonly signIn?: boolean;
  readonly headers?: readonly (readonly [string, string])[];
  readonly challenge?: GuardedAnswer;
}

/** What was done, in order; `signs in` with the scope that was asked for. */
function run(scene: Scene) {
  const { plan, refused, stored, renewed, silent, headers = [] } = scene;
  const done: string[] = [];
  const tried = { ...nothingTried(), ...scene.tried };
  const next = createNextCredential({
    credentials: { forget: (resource) => void done.push(`forgets ${resource}`) },
    sessions: {
      async successor() {
        done.push('reads');
        return stored === undefined ? undefined : oauthSession(wiki, stored, issuer);
      },
      async giveUp() {
        done.push('gives up');
      },
      async renew() {
        done.push('renews');
        return renewed === undefined ? undefined : oauthSession(wiki, renewed, issuer);
      },
    },
    async makePlan() {
      done.push('plans');
      return plan;
    },
    runPlan: {
      async silently() {
        done.push('silently');
        return silent;
      },
      async beforeSignIn(_, plan) {
        return plan.kind === 'sign_in' && plan.unasked ? scene.first : undefined;
      },
      async withServiceToken() {
        done.push('service token');
        return serviceToken;
      },
    },
    besideAuthorization: {
      async target(at) {
        done.push('beside');
        if (!scene.beside) throw authorizationIsOurs(at);
        return scene.beside;
      },
      refused(at) {
        done.push('refused beside');
        return authorizationIsOurs(at);
      },
    },
    personSignIn: {
      async signIn(_url, _target, { scope, force, notFrom }) {
        done.push(
          `signs in${scope === undefined ? '' : ` for ${scope}`}${force ? ', by force' : ''}${notFrom ? ', afresh' : ''}`,
        );
        return oauthSession(wiki, 'of the person', issuer);
      },
    },
  });
  const result = next.after(
    scene.challenge ?? answerOf('Managed OAuth'),
    refused,
    { method: 'GET', url, headers },
    tried,
    { signIn: scene.signIn ?? true, waitMs: 0, askPerson: async () => 'unavailable' },
  );
  return { result, done, tried };
}

const tokenOf = ({ credential }: ResourceCredential) =>
  credential.kind === 'oauth'
    ? credential.accessToken
    : credential.kind === 'cf_access_token'
      ? credential.jwt
      : credential.clientId;

const signIn = { kind: 'sign_in', target: oauthTarget } satisfies Plan;

it.each<[string, Scene, string, string[]]>([
  [
    'a person, where there is nothing',
    { plan: signIn },
    'of the person',
    ['plans', 'silently', 'signs in'],
  ],
  ['what is here without a person', { plan: signIn, silent: jwt('J') }, 'J', ['plans', 'silently']],
  [
    'a person, once more, where a renewed token is refused',
    { plan: signIn, refused: oauth('A'), tried: { renewal: true } },
    'of the person',
    ['plans', 'gives up', 'silently', 'signs in, afresh'],
  ],
  [
    'a person, and not the team’s org token again, where what came for it is refused',
    {
      plan: { kind: 'sign_in', target: transferTarget(true) },
      refused: jwt('J'),
      tried: { renewal: true },
    },
    'of the person',
    ['plans', 'gives up', 'signs in, afresh'],
  ],
  [
    'what another process has stored',
    { plan: signIn, refused: oauth('A'), stored: 'B' },
    'B',
    ['reads'],
  ],
  [
    'the session renewed',
    { plan: signIn, refused: oauth('A'), renewed: 'B' },
    'B',
    ['reads', 'renews'],
  ],
  [
    'the stored session renewed, when it is refused as well',
    { plan: signIn, refused: oauth('B'), renewed: 'C', tried: { stored: true } },
    'C',
    ['renews'],
  ],
  [
    'a person, where the session cannot be renewed',
    { plan: signIn, refused: oauth('A') },
    'of the person',
    ['reads', 'renews', 'plans', 'silently', 'signs in'],
  ],
  [
    'a person, where another application guards this part of the origin',
    {
      plan: { kind: 'sign_in', target: transferTarget(true) },
      refused: oauth('A'),
      tried: { renewal: true },
    },
    'of the person',
    ['plans', 'silently', 'signs in'],
  ],
  [
    'the service token, headless',
    { plan: { kind: 'service_token', target: oauthTarget } },
    'a.access',
    ['plans', 'silently', 'service token'],
  ],
  [
    'a JWT beside the agent’s own Authorization, where OAuth would overwrite it',
    {
      plan: signIn,
      headers: [['Authorization', 'Basic eA==']],
      beside: transferTarget(true),
    },
    'of the person',
    ['plans', 'beside', 'silently', 'signs in'],
  ],
  [
    'the service token before a person, where nobody was invited to sign in',
    { plan: { ...signIn, unasked: true as const }, first: serviceToken },
    'a.access',
    ['plans', 'silently'],
  ],
  [
    'a person, where that one may not be sent',
    { plan: { ...signIn, unasked: true as const } },
    'of the person',
    ['plans', 'silently', 'signs in'],
  ],
  [
    'the service token, although the agent has set an Authorization of its own',
    {
      plan: { kind: 'service_token', target: oauthTarget },
      headers: [['authorization', 'Basic eA==']],
    },
    'a.access',
    ['plans', 'silently', 'service token'],
  ],
  [
    'another one than cloudflared’s, which is forgotten',
    {
      plan: { kind: 'sign_in', target: transferTarget(true) },
      refused: { ...fromCloudflared, session: undefined } as never,
    },
    'of the person',
    ['plans', 'forgets https://app.example.com/', 'silently', 'signs in'],
  ],
  [
    'a person for the scope that is missing, without renewing',
    {
      plan: signIn,
      refused: oauth('A'),
      challenge: answerOf('a bare Bearer', url, {
        'www-authenticate': 'Bearer error="insufficient_scope", scope="write"',
      }),
    },
    'of the person',
    ['plans', 'signs in for write, by force'],
  ],
])('is %s', async (_, scene, token, expected) => {
  const { result, done } = run(scene);
  expect(tokenOf(await result)).toBe(token);
  expect(done).toEqual(expected);
});

const obstacle = new AccessError('untrusted_authorization_server', 'Not trusted.', [
  { do: 'stop' },
]);

it.each<[string, Scene, string]>([
  [
    'a token is refused that a person signed in for just now',
    {
      plan: { kind: 'sign_in', target: transferTarget(true) },
      refused: jwt('J'),
      tried: { signedIn: true },
    },
    'token_rejected',
  ],
  [
    'a token is refused that a person signed in for and that was renewed since',
    { plan: signIn, refused: oauth('A'), tried: { signedIn: true, renewal: true } },
    'token_rejected',
  ],
  ['three were tried', { plan: signIn, tried: { authorizations: 3 } }, 'token_rejected'],
  ['the guard is not ours after all', { plan: { kind: 'foreign' } }, 'token_rejected'],
  [
    'a person cannot sign in',
    { plan: { kind: 'stuck', obstacle } },
    'untrusted_authorization_server',
  ],
  [
    'only service tokens are let in now',
    {
      plan: { kind: 'service_token', obstacle },
      refused: oauth('A'),
      tried: { renewal: true },
    },
    'untrusted_authorization_server',
  ],
  ['the call may not sign in', { plan: signIn, signIn: false }, 'sign_in_required'],
  [
    'the agent’s own Authorization would be overwritten',
    { plan: signIn, headers: [['Authorization', 'Basic eA==']] },
    'header_not_allowed',
  ],
  [
    'the JWT beside it was signed in for just now',
    {
      plan: signIn,
      refused: jwt('J'),
      tried: { signedIn: true },
      headers: [['Authorization', 'Basic eA==']],
      beside: transferTarget(true),
    },
    'header_not_allowed',
  ],
])('is given up where %s', async (_, scene, code) => {
  expect((await failureOf(run(scene).result)).code).toBe(code);
});

it('knows that a person signed in, and counts', async () => {
  const { result, tried } = run({ plan: signIn });
  await result;
  expect(tried).toMatchObject({ authorizations: 1, signedIn: true, renewal: false });
});

it.each<[AnswerName]>([['Managed OAuth'], ['a browser login']])(
  'renews at %s only once',
  async (name) => {
    const { result, tried } = run({
      plan: signIn,
      refused: oauth('A'),
      renewed: 'B',
      challenge: answerOf(name),
    });
    await result;
    expect(tried).toMatchObject({ stored: true, renewal: true, authorizations: 0 });
  },
);
