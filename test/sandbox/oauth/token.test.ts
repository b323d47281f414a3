import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxOptions } from '../../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import {
  authorizationUrl,
  newVerifier,
  oauthUrl,
  obtainCode,
  obtainTokens,
  open,
  postForm,
  redeem,
  redirectUri,
  refresh,
  register,
  resourceOf,
  statusWith,
  type TokenAnswer,
} from '../oauth-client.ts';
import { readJson } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.setAdmitted('ada@example.com', true));
afterAll(() => sandbox.close());

async function refused(answer: Response, error: string, status = 400): Promise<void> {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect((await readJson(answer)).error).toBe(error);
}

async function within<T>(
  options: SandboxOptions,
  work: (other: Sandbox) => Promise<T>,
): Promise<T> {
  const other = await startSandbox(options);
  try {
    return await work(other);
  } finally {
    await other.close();
  }
}

describe('a code (RFC 6749 §4.1.3)', () => {
  test('is redeemed for opaque tokens', async () => {
    const answer = await redeem(sandbox, await obtainCode(sandbox));
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      access_token: expect.stringMatching(/^oauth:[0-9a-f]{64}$/),
      token_type: 'bearer',
      expires_in: 900,
      scope: '',
      resource: `${resourceOf(sandbox)}/`,
      refresh_token: expect.stringMatching(/^oauth:[0-9a-f]{64}$/),
    });
  });

  test('is refused with another verifier, client, redirection URI or resource, and stays good', async () => {
    const code = await obtainCode(sandbox);
    const other = await register(sandbox);
    await refused(
      await redeem(sandbox, { ...code, verifier: newVerifier().verifier }),
      'invalid_grant',
    );
    await refused(await redeem(sandbox, { ...code, clientId: other.client_id }), 'invalid_grant');
    await refused(await redeem(sandbox, code, { resource: '' }), 'invalid_target');
    await refused(
      await redeem(sandbox, code, { resource: 'http://localhost:1' }),
      'invalid_target',
    );
    const elsewhere = await redeem(sandbox, code, { redirect_uri: 'http://localhost:1/callback' });
    expect((await readJson(elsewhere)).error_description).toBe(
      'Redirect URI not allowed by application configuration',
    );
    await refused(await redeem(sandbox, { ...code, code: 'unknown' }), 'invalid_grant');
    expect((await redeem(sandbox, code, { resource: `${resourceOf(sandbox)}/` })).status).toBe(200);
  });

  test('used twice ends what came of it', async () => {
    const code = await obtainCode(sandbox);
    const { access_token } = (await (await redeem(sandbox, code)).json()) as TokenAnswer;
    expect(await statusWith(sandbox, access_token)).toBe(200);
    await refused(await redeem(sandbox, code), 'invalid_grant');
    expect(sandbox.requests.at(-1)?.note).toBe('code_reuse');
    expect(await statusWith(sandbox, access_token)).toBe(401);
  });

  test('expires', () =>
    within({ codeSeconds: 0 }, async (other) => {
      await refused(await redeem(other, await obtainCode(other)), 'invalid_grant');
    }));
});

describe('a refresh token (RFC 6749 §6)', () => {
  test('rotates', async () => {
    const first = await obtainTokens(sandbox);
    const answer = await refresh(sandbox, first);
    expect(answer.status).toBe(200);
    const second = (await answer.json()) as TokenAnswer;
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(await statusWith(sandbox, second.access_token)).toBe(200);
    const third = await refresh(sandbox, { ...second, clientId: first.clientId });
    expect(third.status).toBe(200);
  });

  test('used twice ends the grant, and the log says so (RFC 9700 §4.14.2)', async () => {
    const first = await obtainTokens(sandbox);
    const second = (await (await refresh(sandbox, first)).json()) as TokenAnswer;
    await refused(await refresh(sandbox, first), 'invalid_grant');
    expect(sandbox.requests.at(-1)).toMatchObject({
      what: 'token:refresh_token',
      note: 'refresh_token_reuse',
      answered: 400,
    });
    expect(await statusWith(sandbox, second.access_token)).toBe(401);
    const again = await refresh(sandbox, { ...second, clientId: first.clientId });
    await refused(again, 'invalid_grant');
  });

  test('is bound to its client and resource', async () => {
    const tokens = await obtainTokens(sandbox);
    const other = await register(sandbox);
    await refused(
      await refresh(sandbox, { ...tokens, clientId: other.client_id }),
      'invalid_grant',
    );
    await refused(await refresh(sandbox, tokens, { resource: '' }), 'invalid_target');
    expect((await refresh(sandbox, tokens)).status).toBe(200);
  });

  test('is refused once the policies no longer admit the person', async () => {
    const tokens = await obtainTokens(sandbox);
    sandbox.setAdmitted('ada@example.com', false);
    await refused(await refresh(sandbox, tokens), 'invalid_grant');
    expect(await statusWith(sandbox, tokens.access_token)).toBe(200);
    sandbox.setAdmitted('ada@example.com', true);
    expect((await refresh(sandbox, tokens)).status).toBe(200);
  });

  test('lives as long as the grant', () =>
    within({ refreshTokenSeconds: 0 }, async (other) => {
      await refused(await refresh(other, await obtainTokens(other)), 'invalid_grant');
    }));

  test('is given only to a client that registered for it (RFC 7591 §2)', async () => {
    const { client_id } = await register(sandbox, { grant_types: ['authorization_code'] });
    const { verifier, challenge } = newVerifier();
    const { url } = await open(authorizationUrl(sandbox, client_id, challenge), 'ada@example.com');
    const code = url.searchParams.get('code') ?? '';
    const answer = await redeem(sandbox, { clientId: client_id, verifier, code });
    expect(await answer.json()).not.toHaveProperty('refresh_token');
    const asked = await refresh(sandbox, { clientId: client_id, refresh_token: 'any' });
    await refused(asked, 'unauthorized_client');
  });
});

test('an access token lives its fraction of a second, and no longer', () =>
  within({ accessTokenSeconds: 0.2 }, async (other) => {
    const tokens = await obtainTokens(other);
    expect(tokens.expires_in).toBe(0.2);
    expect(await statusWith(other, tokens.access_token)).toBe(200);
    await expect
      .poll(() => statusWith(other, tokens.access_token), { interval: 20, timeout: 2000 })
      .toBe(401);
    expect((await refresh(other, tokens)).status).toBe(200);
  }));

test('expireAccessTokens spares the grant, endGrants does not', async () => {
  const tokens = await obtainTokens(sandbox);
  sandbox.expireAccessTokens();
  expect(await statusWith(sandbox, tokens.access_token)).toBe(401);
  const next = (await (await refresh(sandbox, tokens)).json()) as TokenAnswer;
  expect(await statusWith(sandbox, next.access_token)).toBe(200);
  sandbox.endGrants();
  expect(await statusWith(sandbox, next.access_token)).toBe(401);
  await refused(await refresh(sandbox, { ...next, clientId: tokens.clientId }), 'invalid_grant');
});

describe('a client authenticates as it registered (RFC 6749 §2.3)', () => {
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
  });

  async function codeOf(method: string) {
    const client = await register(sandbox, { token_endpoint_auth_method: method });
    const { verifier, challenge } = newVerifier();
    const asked = authorizationUrl(sandbox, client.client_id, challenge);
    const { url } = await open(asked, 'ada@example.com');
    const form = {
      grant_type: 'authorization_code',
      code: url.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      resource: resourceOf(sandbox),
    };
    return { id: client.client_id, secret: client.client_secret ?? '', form };
  }

  test('with client_secret_basic', async () => {
    const { id, secret, form } = await codeOf('client_secret_basic');
    const url = oauthUrl(sandbox, 'token');
    const wrong = await postForm(url, form, basic(id, 'wrong'));
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic /);
    await refused(wrong, 'invalid_client', 401);
    const posted = await postForm(url, { ...form, client_id: id, client_secret: secret });
    await refused(posted, 'invalid_client', 401);
    expect((await postForm(url, form, basic(id, secret))).status).toBe(200);
  });

  test('with client_secret_post', async () => {
    const { id, secret, form } = await codeOf('client_secret_post');
    const url = oauthUrl(sandbox, 'token');
    await refused(await postForm(url, { ...form, client_id: id }), 'invalid_client', 401);
    await refused(await postForm(url, form, basic(id, secret)), 'invalid_client', 401);
    const answer = await postForm(url, { ...form, client_id: id, client_secret: secret });
    expect(answer.status).toBe(200);
  });

  test('with its client_id alone when it is public', async () => {
    const code = await obtainCode(sandbox);
    const secret = await redeem(sandbox, code, { client_secret: 'a secret' });
    await refused(secret, 'invalid_client', 401);
    expect((await redeem(sandbox, code)).status).toBe(200);
  });

  test('and is invalid_client when unknown', async () => {
    const code = await obtainCode(sandbox);
    await refused(await redeem(sandbox, { ...code, clientId: 'unknown' }), 'invalid_client', 401);
  });
});

test('refuses other grant types, other bodies and repeated parameters (RFC 6749 §3.2, §5.2)', async () => {
  const url = oauthUrl(sandbox, 'token');
  const { client_id } = await register(sandbox);
  for (const grant_type of [
    'password',
    'toString',
    '',
    'urn:ietf:params:oauth:grant-type:device_code',
  ]) {
    await refused(await postForm(url, { client_id, grant_type }), 'unsupported_grant_type');
  }
  expect((await postForm(oauthUrl(sandbox, 'device_authorization'), {})).status).toBe(404);
  await refused(await fetch(url, { method: 'POST', body: '{}' }), 'invalid_request');
  const body = new URLSearchParams([
    ['client_id', client_id],
    ['client_id', client_id],
  ]);
  await refused(await fetch(url, { method: 'POST', body }), 'invalid_request');
  expect((await fetch(url)).status).toBe(405);
});

describe('revocation (RFC 7009)', () => {
  const revoke = (client_id: string, token: string) =>
    postForm(oauthUrl(sandbox, 'revoke'), { client_id, token });

  test('of an access token leaves the grant', async () => {
    const tokens = await obtainTokens(sandbox);
    expect((await revoke(tokens.clientId, tokens.access_token)).status).toBe(200);
    expect(await statusWith(sandbox, tokens.access_token)).toBe(401);
    expect((await refresh(sandbox, tokens)).status).toBe(200);
  });

  test('of a refresh token ends the grant', async () => {
    const tokens = await obtainTokens(sandbox);
    expect((await revoke(tokens.clientId, tokens.refresh_token)).status).toBe(200);
    expect(await statusWith(sandbox, tokens.access_token)).toBe(401);
    await refused(await refresh(sandbox, tokens), 'invalid_grant');
  });

  test('of a stranger’s or unknown token does nothing, and does not tell', async () => {
    const tokens = await obtainTokens(sandbox);
    const other = await register(sandbox);
    expect((await revoke(other.client_id, tokens.refresh_token)).status).toBe(200);
    expect((await revoke(other.client_id, 'unknown')).status).toBe(200);
    expect(await statusWith(sandbox, tokens.access_token)).toBe(200);
    await refused(await revoke('unknown', tokens.access_token), 'invalid_client', 401);
  });
});
