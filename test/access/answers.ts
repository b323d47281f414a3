/** What guards answer to a stranger, as access-on-the-wire.md has it, without a socket. */
import { Readable } from 'node:stream';
import type { GuardedAnswer } from '../../src/access/exchange/guarded-request.ts';
import { tellGuard } from '../../src/cloudflare/protection.ts';
import { parseChallenges } from '../../src/oauth/challenge.ts';
import type { Target } from '../../src/sign-in/target.ts';

export const url = new URL('https://app.example.com/wiki/page');
export const team = 'acme.cloudflareaccess.com';
export const audience = 'a1'.repeat(32);

const metadata = 'https://app.example.com/.well-known/cloudflare-access-protected-resource/wiki';

const answers = {
  'nothing is asked for': [200, {}],
  'the tunnel is down': [530, {}, 'error code: 1033'],
  'a policy denies': [403, { 'cf-access-error': 'not allowed' }],
  'no application': [403, {}, 'error code: 1043'],
  'Managed OAuth': [401, { 'www-authenticate': `Bearer resource_metadata="${metadata}"` }],
  'another OAuth': [
    401,
    {
      'www-authenticate':
        'Bearer resource_metadata="https://app.example.com/.well-known/oauth-protected-resource"',
    },
  ],
  'a browser login': [
    302,
    { location: `https://${team}/cdn-cgi/access/login/app.example.com?kid=${audience}` },
  ],
  'Service Auth alone': [403, { 'cf-access-aud': audience, 'cf-access-domain': 'app.example.com' }],
  'a bare Bearer': [401, { 'www-authenticate': 'Bearer realm="api"' }],
  'Basic authentication': [401, { 'www-authenticate': 'Basic realm="wiki"' }],
  'a bare 401': [401, {}],
} as const satisfies Record<string, readonly [number, Record<string, string>, string?]>;

export type AnswerName = keyof typeof answers;

export function answerOf(
  name: AnswerName,
  at = url,
  more: Record<string, string> = {},
): GuardedAnswer {
  const [status, fields, bodyStart = ''] = answers[name] as readonly [
    number,
    Record<string, string>,
    string?,
  ];
  const headers = new Headers({ ...fields, ...more });
  const challenges = parseChallenges(headers.get('www-authenticate') ?? '');
  const evidence = { url: at, status, headers, bodyStart, challenges };
  const response = { url: at, status, headers, body: Readable.from([]) };
  return { response, guard: tellGuard(evidence), challenges, evidence };
}

export const oauthTarget: Target = {
  kind: 'oauth',
  oauth: {
    resource: 'https://app.example.com/wiki',
    resourceIndicator: 'https://app.example.com/wiki',
    server: { issuer: `https://${team}`, token_endpoint: `https://${team}/token` },
  },
  scope: undefined,
};

export function transferTarget(proven: boolean): Target {
  return {
    kind: 'transfer',
    transfer: {
      url,
      resource: 'https://app.example.com/',
      landing: new URL('https://app.example.com/'),
      audience,
      domain: 'app.example.com',
      teamDomain: team,
      proven,
    },
  };
}
