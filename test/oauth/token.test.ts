import { validateAuthResponse } from 'oauth4webapi';
import { describe, expect, it } from 'vitest';
import type { OAuthClient } from '../../src/oauth/client.ts';
import { revoke } from '../../src/oauth/revocation.ts';
import { redeemCode, refresh } from '../../src/oauth/token.ts';
import { peerForEachTest } from '../support/peer.ts';
import { type Answering, failureOf, sendJson } from '../support/resource-loopback.ts';

const peer = peerForEachTest((_, response) => sendJson(response, tokens()));

const publicClient: OAuthClient = { clientId: 'c1', tokenEndpointAuthMethod: 'none' };
const resource = 'https://app.example.com';
const tokens = (more: object = {}) => ({
  access_token: 'a1',
  token_type: 'Bearer',
  expires_in: 900,
  refresh_token: 'r2',
  ...more,
});
const metadata = () => ({
  issuer: peer.origin,
  token_endpoint: `${peer.origin}/token`,
  revocation_endpoint: `${peer.origin}/revoke`,
});
const redeem = (client = publicClient, pause?: () => Promise<void>) => {
  const response = validateAuthResponse(
    metadata(),
    { client_id: 'c1' },
    new URLSearchParams('code=secret-code&state=s'),
    's',
  );
  return redeemCode(
    metadata(),
    client,
    {
      response,
      redirectUri: 'http://localhost:8400/callback',
      codeVerifier: 'v'.repeat(43),
      resource,
    },
    peer.fetch,
    pause,
  );
};
const renew = (client = publicClient) =>
  refresh(metadata(), client, { refreshToken: 'secret-refresh', resource }, peer.fetch);
const giving = (document: unknown, status = 200, headers: Record<string, string> = {}) => {
  peer.answer = (_, response) => sendJson(response, document, status, headers);
};

describe('the request', () => {
  it('redeems a code with verifier, redirection URI and resource (RFC 6749 §4.1.3, 7636, 8707)', async () => {
    await redeem();
    expect(peer.asked).toHaveLength(1);
    expect(Object.fromEntries(peer.asked[0]?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'secret-code',
      code_verifier: 'v'.repeat(43),
      redirect_uri: 'http://localhost:8400/callback',
      client_id: 'c1',
      resource,
    });
    expect(peer.asked[0]?.headers.authorization).toBeUndefined();
    expect(peer.asked[0]?.headers['user-agent']).toBe('cloudflare-access-mcp');
  });

  it('refreshes with the resource and without a scope (RFC 6749 §6)', async () => {
    await renew();
    expect(Object.fromEntries(peer.asked[0]?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'secret-refresh',
      client_id: 'c1',
      resource,
    });
  });
});

describe('both grants take', () => {
  const grants = [
    ['a code', redeem],
    ['a refresh', renew],
  ] as const;

  it.each(grants)('%s: the tokens and their lifetime', async (_name, run) => {
    expect(await run()).toEqual({ accessToken: 'a1', refreshToken: 'r2', expiresIn: 900 });
  });

  it.each(grants)('%s: a lifetime written as text', async (_name, run) => {
    giving(tokens({ expires_in: '900' }));
    expect(await run()).toMatchObject({ expiresIn: 900 });
  });

  it.each(grants)('%s: no lifetime', async (_name, run) => {
    giving(tokens({ expires_in: undefined }));
    expect(await run()).not.toHaveProperty('expiresIn');
  });

  it.each(grants)('%s: a lifetime that is none, as no lifetime', async (_name, run) => {
    for (const lifetime of [-1, 0, 'soon', null, {}]) {
      giving(tokens({ expires_in: lifetime }));
      expect(await run()).not.toHaveProperty('expiresIn');
    }
  });

  it.each(grants)('%s: no token type, as Bearer', async (_name, run) => {
    giving(tokens({ token_type: undefined }));
    expect(await run()).toMatchObject({ accessToken: 'a1' });
  });

  it.each(grants)('%s: a lifetime of 30,000 years, as ten', async (_name, run) => {
    giving(tokens({ expires_in: 1e12 }));
    expect(await run()).toMatchObject({ expiresIn: 10 * 365 * 24 * 3600 });
  });

  it.each(grants)('%s: no refresh token', async (_name, run) => {
    giving(tokens({ refresh_token: undefined }));
    expect(await run()).not.toHaveProperty('refreshToken');
  });

  it.each(grants)('%s: an empty scope, as none', async (_name, run) => {
    giving(tokens({ scope: '' }));
    expect(await run()).not.toHaveProperty('scope');
  });

  it.each(grants)('%s: a token type in any case', async (_name, run) => {
    giving(tokens({ token_type: 'bEaReR' }));
    expect(await run()).toMatchObject({ accessToken: 'a1' });
  });

  it.each(grants)('%s: an ID token of any kind, which is not read', async (_name, run) => {
    const es256 = 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.AAAA';
    giving(tokens({ id_token: es256 }));
    expect(await run()).toEqual({ accessToken: 'a1', refreshToken: 'r2', expiresIn: 900 });
  });
});

describe('neither grant takes', () => {
  const answers: [name: string, code: string, answer: Answering][] = [
    [
      'a token with a line break',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ access_token: 'a\r\nx: y' })),
    ],
    [
      'a token beyond ASCII',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ access_token: 'aü' })),
    ],
    [
      'a token of 20 kB',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ access_token: 'a'.repeat(20_000) })),
    ],
    [
      'a refresh token with a line break',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ refresh_token: 'r\n' })),
    ],
    [
      'a token that is no text',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ access_token: 7 })),
    ],
    [
      'no access token',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ access_token: undefined })),
    ],
    [
      'another token type',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ token_type: 'mac' })),
    ],
    [
      'a DPoP token',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, tokens({ token_type: 'DPoP' })),
    ],
    ['an array', 'unsupported_authorization_server', (_, to) => sendJson(to, [])],
    [
      'HTML',
      'temporarily_unavailable',
      (_, to) => void to.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
    ],
    [
      'a truncated document',
      'unsupported_authorization_server',
      (_, to) => sendJson(to, '{"access_token":"a'),
    ],
    [
      'a redirect',
      'temporarily_unavailable',
      (_, to) => void to.writeHead(302, { location: '/other' }).end(),
    ],
    ['503', 'temporarily_unavailable', (_, to) => void to.writeHead(503).end()],
    ['429', 'temporarily_unavailable', (_, to) => sendJson(to, { error: 'slow_down' }, 429)],
    [
      'an error of the server’s own',
      'temporarily_unavailable',
      (_, to) => sendJson(to, { error: 'server_error' }, 400),
    ],
    ['no answer in time', 'timeout', () => {}],
    ['a lost connection', 'network_error', (_, to) => void to.destroy()],
    [
      '10 MB',
      'response_too_large',
      (_, to) => sendJson(to, `{"access_token":"${'a'.repeat(10_000_000)}"}`),
    ],
  ];
  it.each(answers)('%s: %s, once asked', async (name, code, answering) => {
    peer.answer = answering;
    if (name.includes('in time')) peer.timeoutMs = 200;
    for (const run of [redeem, renew]) {
      peer.asked.length = 0;
      const failure = await failureOf(run());
      expect(failure.code).toBe(code);
      expect(failure.message).not.toMatch(/secret-(code|refresh)/);
      expect(failure.nextStep?.length).toBeGreaterThan(0);
      // A code or refresh token is spent once, whatever comes back.
      expect(peer.asked).toHaveLength(1);
    }
  });
});

describe('a refusal (RFC 6749 §5.2)', () => {
  const basic = { 'www-authenticate': 'Basic realm="token"' };

  it('of a code ends the sign-in', async () => {
    giving({ error: 'invalid_grant', error_description: 'Used\u0000 up' }, 400);
    expect(await failureOf(redeem())).toMatchObject({
      code: 'sign_in_expired',
      message: expect.stringContaining('“Used up”'),
    });
  });

  it.each([
    ['invalid_client', 401, {}],
    ['invalid_client', 401, basic],
    ['unauthorized_client', 400, {}],
  ])('of the client for a code (%s, %s) is the registration’s', async (error, status, headers) => {
    giving({ error }, status, headers);
    expect((await failureOf(redeem())).code).toBe('registration_rejected');
  });

  it.each([
    ['a token', { access_token: 'secret-a', token_type: 'bearer' }, 200, undefined],
    // The code was spent by the first request, so the client is what is wrong.
    ['a refusal of the code', { error: 'invalid_grant' }, 400, 'registration_rejected'],
    ['trouble', {}, 503, 'temporarily_unavailable'],
  ])('of the client for a code is asked about once more, after a pause: %s', async (...row) => {
    const [, second, status, code] = row;
    const pause = async () => giving(second, status);
    giving({ error: 'invalid_client' }, 401);
    if (code) expect((await failureOf(redeem(publicClient, pause))).code).toBe(code);
    else expect(await redeem(publicClient, pause)).toMatchObject({ accessToken: 'secret-a' });
    expect(peer.asked).toHaveLength(2);
  });

  it.each([
    ['invalid_grant', 400, {}, 'grant'],
    ['invalid_target', 400, {}, 'grant'],
    ['invalid_client', 401, {}, 'client'],
    ['invalid_client', 401, basic, 'client'],
    ['unauthorized_client', 400, {}, 'client'],
  ])('of a refresh (%s, %s) is an outcome', async (error, status, headers, refused) => {
    giving({ error }, status, headers);
    expect(await renew()).toEqual({ refused });
  });
});

describe('how the client authenticates (RFC 6749 §2.3.1)', () => {
  it('by HTTP Basic, each part form-encoded, and the secret not in the body', async () => {
    await renew({
      clientId: 'c:1',
      clientSecret: 's %ü',
      tokenEndpointAuthMethod: 'client_secret_basic',
    });
    const [scheme, value] = peer.asked[0]?.headers.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(value ?? '', 'base64').toString()).toBe('c%3A1:s+%25%C3%BC');
    expect(peer.asked[0]?.form.has('client_secret')).toBe(false);
  });

  it('by HTTP Basic, with what needs no escape as it is: not every server undoes one', async () => {
    await renew({
      clientId: '5f0c-4a.b_c',
      clientSecret: 'a-b_c.d*e~f',
      tokenEndpointAuthMethod: 'client_secret_basic',
    });
    const value = peer.asked[0]?.headers.authorization?.split(' ')[1] ?? '';
    expect(Buffer.from(value, 'base64').toString()).toBe('5f0c-4a.b_c:a-b_c.d*e%7Ef');
  });

  it('in the body', async () => {
    await renew({
      clientId: 'c1',
      clientSecret: 's1',
      tokenEndpointAuthMethod: 'client_secret_post',
    });
    expect(peer.asked[0]?.headers.authorization).toBeUndefined();
    expect(peer.asked[0]?.form.get('client_id')).toBe('c1');
    expect(peer.asked[0]?.form.get('client_secret')).toBe('s1');
  });
});

describe('revocation (RFC 7009)', () => {
  const end = (server = metadata()) =>
    revoke(server, publicClient, 'secret-refresh', 'refresh_token', peer.fetch);

  it('names the token and its kind', async () => {
    peer.answer = (_, response) => void response.writeHead(200).end();
    expect(await end()).toBe(true);
    expect(peer.asked[0]?.path).toBe('/revoke');
    expect(Object.fromEntries(peer.asked[0]?.form ?? [])).toEqual({
      token: 'secret-refresh',
      token_type_hint: 'refresh_token',
      client_id: 'c1',
    });
  });

  it('is not done where it is not offered', async () => {
    const { revocation_endpoint: _, ...without } = metadata();
    expect(await revoke(without, publicClient, 't', 'access_token', peer.fetch)).toBe(false);
    expect(peer.asked).toEqual([]);
  });

  it.each([204, 201])('is confirmed by %i as well', async (status) => {
    peer.answer = (_, response) => void response.writeHead(status).end();
    expect(await end()).toBe(true);
  });

  it.each([
    ['503', 503, 'temporarily_unavailable'],
    ['a redirect', 302, 'temporarily_unavailable'],
    ['an error', 400, 'unsupported_authorization_server'],
  ])('says so when it is not confirmed: %s', async (_name, status, code) => {
    giving({ error: 'unsupported_token_type' }, status, { location: '/other' });
    const failure = await failureOf(end());
    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain('secret-refresh');
  });
});
