import { describe, expect, it } from 'vitest';
import { register } from '../../src/oauth/registration.ts';
import { peerForEachTest } from '../support/peer.ts';
import { type Answering, failureOf, sendJson } from '../support/resource-loopback.ts';

const peer = peerForEachTest((_, response) => sendJson(response, { client_id: 'c1' }, 201));

const redirectUri = 'http://localhost:8400/callback';
const resource = 'https://app.example.com/part';
const metadata = (more: object = {}) => ({
  issuer: peer.origin,
  token_endpoint: `${peer.origin}/token`,
  registration_endpoint: `${peer.origin}/register`,
  ...more,
});
const create = async (more: object = {}, request: object = {}) => {
  const outcome = await register(metadata(more), { redirectUri, resource, ...request }, peer.fetch);
  if ('refused' in outcome) throw Object.assign(outcome.refused, { another: true });
  return outcome;
};
const giving = (information: object, status = 201) => {
  peer.answer = (_, response) => sendJson(response, information, status);
};
const secret = { client_id: 'c1', client_secret: 's1', client_secret_expires_at: 0 };

it('registers a native public client with its redirection URI and its resource (RFC 7591 §2)', async () => {
  expect(await create()).toEqual({ clientId: 'c1', tokenEndpointAuthMethod: 'none' });
  expect(peer.asked).toHaveLength(1);
  const [asked] = peer.asked;
  expect(asked).toMatchObject({ method: 'POST', path: '/register' });
  expect(asked?.headers['content-type']).toBe('application/json');
  expect(asked?.headers['user-agent']).toBe('cloudflare-access-mcp');
  expect(asked?.headers.authorization).toBeUndefined();
  expect(JSON.parse(asked?.body ?? '')).toEqual({
    client_name: 'cloudflare-access-mcp',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
    resource,
  });
});

it('asks for the device code grant where it is wanted', async () => {
  await create({}, { deviceCode: true });
  expect(JSON.parse(peer.asked[0]?.body ?? '')).toMatchObject({
    grant_types: [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
  });
});

describe('how the client will authenticate', () => {
  it.each([
    ['nothing listed', undefined, 'none'],
    ['an empty list', [], 'none'],
    ['none among others', ['client_secret_basic', 'none'], 'none'],
    ['basic and post', ['client_secret_post', 'client_secret_basic'], 'client_secret_basic'],
    ['post alone', ['client_secret_post'], 'client_secret_post'],
    ['post and what we cannot do', ['private_key_jwt', 'client_secret_post'], 'client_secret_post'],
  ])('%s: asks for the best that we can do', async (_name, methods, asked) => {
    await create({ token_endpoint_auth_methods_supported: methods });
    expect(JSON.parse(peer.asked[0]?.body ?? '').token_endpoint_auth_method).toBe(asked);
  });

  it('refuses a server that wants what we cannot do, before it is asked', async () => {
    const failure = await failureOf(
      create({ token_endpoint_auth_methods_supported: ['private_key_jwt', 'tls_client_auth'] }),
    );
    expect(failure).toMatchObject({
      code: 'unsupported_authorization_server',
      message: expect.stringContaining('private_key_jwt, tls_client_auth'),
      nextStep: expect.arrayContaining([expect.objectContaining({ do: 'register_client' })]),
    });
    expect(peer.asked).toEqual([]);
  });

  it.each([
    ['client_secret_basic', { ...secret, token_endpoint_auth_method: 'client_secret_basic' }],
    ['client_secret_post', { ...secret, token_endpoint_auth_method: 'client_secret_post' }],
  ])('takes %s as registration answered (RFC 7591 §3.2.1)', async (method, information) => {
    giving(information);
    expect(await create()).toEqual({
      clientId: 'c1',
      clientSecret: 's1',
      tokenEndpointAuthMethod: method,
    });
  });

  it('takes a secret to be for HTTP Basic when no method is named (RFC 7591 §2)', async () => {
    giving(secret);
    expect(await create()).toMatchObject({ tokenEndpointAuthMethod: 'client_secret_basic' });
  });

  it('takes a secret to be for the method that was asked for', async () => {
    giving(secret);
    const methods = { token_endpoint_auth_methods_supported: ['client_secret_post'] };
    expect(await create(methods)).toMatchObject({ tokenEndpointAuthMethod: 'client_secret_post' });
  });

  it('drops a secret that is not to be used', async () => {
    giving({ ...secret, token_endpoint_auth_method: 'none' });
    expect(await create()).toEqual({ clientId: 'c1', tokenEndpointAuthMethod: 'none' });
  });

  it('is public when no secret came, whatever method was named', async () => {
    giving({ client_id: 'c1', token_endpoint_auth_method: 'client_secret_basic' });
    expect(await create()).toEqual({ clientId: 'c1', tokenEndpointAuthMethod: 'none' });
  });

  it.each(['private_key_jwt', 'client_secret_jwt', 'tls_client_auth', 7])(
    'refuses a registration that answers %s',
    async (method) => {
      giving({ ...secret, token_endpoint_auth_method: method });
      expect(await failureOf(create())).toMatchObject({
        code: 'unsupported_authorization_server',
        message: expect.stringContaining(String(method)),
      });
    },
  );
});

describe('what the server answers', () => {
  it.each([
    ['a client_id with a line break', { client_id: 'c1\r\nx: y' }],
    ['a client_id of 5 kB', { client_id: 'c'.repeat(5000) }],
    ['a secret beyond ASCII', { ...secret, client_secret: 's\u202e' }],
  ])('%s ends in registration_rejected (RFC 6749 appendix A)', async (_name, information) => {
    giving(information);
    const failure = await failureOf(create());
    expect(failure.code).toBe('registration_rejected');
    expect(failure.message.length).toBeLessThan(300);
  });

  it('takes 200 for 201', async () => {
    giving({ client_id: 'c1' }, 200);
    expect(await create()).toMatchObject({ clientId: 'c1' });
  });

  it.each<[name: string, code: string, answer: Answering]>([
    [
      'a refused redirection URI',
      'registration_rejected',
      (_, response) =>
        sendJson(
          response,
          { error: 'invalid_redirect_uri', error_description: 'No \u202elocalhost\u0007' },
          400,
        ),
    ],
    [
      'a refused redirection URI, with a challenge',
      'registration_rejected',
      (_, response) =>
        sendJson(response, { error: 'invalid_token', error_description: 'No localhost' }, 401, {
          'www-authenticate': 'Bearer error="invalid_token"',
        }),
    ],
    [
      'a refused redirection URI, in a bare sentence',
      'registration_rejected',
      (_, response) =>
        void response.writeHead(400).end('redirect_uri is not allowed: \u202elocalhost'),
    ],
    [
      'a closed registration',
      'registration_rejected',
      (_, response) => sendJson(response, { error: 'invalid_token' }, 401),
    ],
    ['no client_id', 'registration_rejected', (_, response) => sendJson(response, {}, 201)],
    [
      'a client_id that is no text',
      'registration_rejected',
      (_, response) => sendJson(response, { client_id: 7 }, 201),
    ],
    ['an array', 'registration_rejected', (_, response) => sendJson(response, [], 201)],
    [
      'HTML',
      'registration_rejected',
      (_, response) =>
        void response.writeHead(201, { 'content-type': 'text/html' }).end('<html></html>'),
    ],
    [
      'a redirect',
      'registration_rejected',
      (_, response) => void response.writeHead(307, { location: 'https://evil.example/' }).end(),
    ],
    ['503', 'temporarily_unavailable', (_, response) => void response.writeHead(503).end()],
    ['429', 'temporarily_unavailable', (_, response) => void response.writeHead(429).end()],
    ['no answer in time', 'timeout', () => {}],
    [
      '10 MB',
      'response_too_large',
      (_, response) => sendJson(response, `{"client_id":"${'a'.repeat(10_000_000)}"}`, 201),
    ],
  ])('%s ends in %s', async (name, code, answering) => {
    peer.answer = answering;
    if (name.includes('in time')) peer.timeoutMs = 200;
    const failure = await failureOf(create());
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(new URL(peer.origin).host);
    expect(/[\p{Cc}\p{Cf}]/u.test(failure.message)).toBe(false);
    if (name.startsWith('a refus')) expect(failure.message).toContain('localhost”');
    // Another is tried for a redirection URI alone, and only that one’s advice is about toggles.
    expect('another' in failure).toBe(name.startsWith('a refused'));
    expect(JSON.stringify(failure.nextStep).includes('Allow localhost clients')).toBe(
      name.startsWith('a refused'),
    );
    expect(peer.asked).toHaveLength(1);
  });
});
