import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApplicationName } from '../../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import type { ServiceToken } from '../../../src/sandbox/team/service-tokens.ts';
import { type RawAnswer, rawRequest } from '../raw-request.ts';

type Field = [string, string];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const pair = ({ clientId, clientSecret }: ServiceToken): [Field, Field] => [
  ['CF-Access-Client-Id', clientId],
  ['CF-Access-Client-Secret', clientSecret],
];
const ask = (name: ApplicationName, fields: Field[]): Promise<RawAnswer> =>
  rawRequest(new URL('/echo', sandbox.applications[name].url), { fields });
const wrong = () => pair({ ...sandbox.serviceToken, clientSecret: 'wrong' });
const cookieOf = (answer: RawAnswer) =>
  /CF_Authorization=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1];

/** Pairs that identify nobody, by name. */
function malformed(): [string, Field[]][] {
  const [id, secret] = pair(sandbox.serviceToken);
  const [otherId, otherSecret] = pair(sandbox.otherServiceToken);
  return [
    ['the id alone', [id]],
    ['the secret alone', [secret]],
    ['the id twice', [id, id, secret]],
    ['the secret twice', [id, secret, secret]],
    ['two pairs', [id, secret, otherId, otherSecret]],
  ];
}

test('the secret has the documented form', () => {
  expect(sandbox.serviceToken.clientId).toMatch(/^[0-9a-f]{32}\.access$/);
  expect(sandbox.serviceToken.clientSecret).toMatch(/^cfast_[A-Za-z0-9]{40}[0-9a-f]{8}$/);
});

describe('a classic organisation', () => {
  test('answers a valid pair with the resource and a CF_Authorization cookie', async () => {
    for (const name of [
      'service-auth',
      'service-auth-401',
      'service-auth-or-login',
      'managed-oauth',
    ] as const) {
      const answer = await ask(name, pair(sandbox.serviceToken));
      expect(answer.status, name).toBe(200);
      expect(cookieOf(answer)?.split('.')).toHaveLength(3);
      const { headers } = JSON.parse(answer.body);
      expect(headers).not.toHaveProperty('cf-access-client-secret');
      expect(headers).toHaveProperty('cf-access-jwt-assertion');
      expect(headers).not.toHaveProperty('cf-access-authenticated-user-email');
    }
  });

  test('accepts that JWT alone where a login is possible, and not where only Service Auth is', async () => {
    const orLogin = cookieOf(await ask('service-auth-or-login', pair(sandbox.serviceToken))) ?? '';
    const alone = cookieOf(await ask('service-auth', pair(sandbox.serviceToken))) ?? '';
    const cookie = (jwt: string): Field => ['cookie', `CF_Authorization=${jwt}`];
    const header = (jwt: string): Field => ['cf-access-token', jwt];
    expect((await ask('service-auth-or-login', [cookie(orLogin)])).status).toBe(200);
    expect((await ask('service-auth-or-login', [header(orLogin)])).status).toBe(200);
    expect((await ask('service-auth', [cookie(alone)])).status).toBe(403);
    expect((await ask('service-auth', [header(alone)])).status).toBe(403);
  });

  test('answers a stale, refused or malformed pair like none', async () => {
    const bad: [string, Field[]][] = [
      ['wrong', wrong()],
      ['not allowed', pair(sandbox.otherServiceToken)],
      ...malformed(),
    ];
    for (const [what, fields] of bad) {
      expect((await ask('service-auth', fields)).status, what).toBe(403);
      expect((await ask('service-auth-401', fields)).status, what).toBe(401);
      expect((await ask('service-auth-or-login', fields)).status, what).toBe(302);
      expect((await ask('managed-oauth', fields)).status, what).toBe(401);
    }
  });

  test('ignores a pair where only an Allow policy is', async () => {
    expect((await ask('browser-login', pair(sandbox.serviceToken))).status).toBe(302);
  });
});

describe('a strict organisation', () => {
  const names = ['strict-service-auth', 'strict-service-auth-or-login'] as const;

  test('gives no cookie for a valid pair, and ignores one that was sent', async () => {
    const jwt = cookieOf(await ask('service-auth-or-login', pair(sandbox.serviceToken)));
    for (const name of names) {
      const answer = await ask(name, pair(sandbox.serviceToken));
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
      const cookie = await ask(name, [['cookie', `CF_Authorization=${jwt}`]]);
      expect(cookie.status).toBe(name === 'strict-service-auth' ? 403 : 302);
    }
  });

  test('401: the pair authenticates nobody; 403: it does, and is not allowed', async () => {
    for (const name of names) {
      expect((await ask(name, wrong())).status).toBe(401);
      expect((await ask(name, pair(sandbox.otherServiceToken))).status).toBe(403);
    }
  });

  test('refuses half and repeated pairs', async () => {
    for (const name of names) {
      for (const [what, fields] of malformed()) {
        expect((await ask(name, fields)).status, `${name}: ${what}`).toBe(401);
      }
    }
  });
});
