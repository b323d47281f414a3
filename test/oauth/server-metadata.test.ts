import { describe, expect, it } from 'vitest';
import { fetchServerMetadata } from '../../src/oauth/server-metadata.ts';
import { peerForEachTest } from '../support/peer.ts';
import { type Answering, failureOf, listen, sendJson } from '../support/resource-loopback.ts';

const peer = peerForEachTest((_, response) => sendJson(response, document()));

const read = (path = '') => fetchServerMetadata(new URL(peer.origin + path), peer.fetch);
const document = (more: object = {}) => ({
  issuer: peer.origin,
  authorization_endpoint: `${peer.origin}/authorize`,
  token_endpoint: `${peer.origin}/token`,
  registration_endpoint: `${peer.origin}/register`,
  code_challenge_methods_supported: ['plain', 'S256'],
  ...more,
});
const serving = (more: object) => {
  peer.answer = (_, response) => sendJson(response, document(more));
};
const paths = () => peer.asked.map(({ path }) => path);

describe('where metadata lies', () => {
  it('asks RFC 8414’s address first, once', async () => {
    expect(await read()).toMatchObject({ issuer: peer.origin });
    expect(paths()).toEqual(['/.well-known/oauth-authorization-server']);
  });

  it('inserts the issuer’s path, then tries OpenID Connect inserted and appended', async () => {
    const issuer = `${peer.origin}/realms/main`;
    peer.answer = ({ path }, response) =>
      path === '/realms/main/.well-known/openid-configuration'
        ? sendJson(response, document({ issuer }))
        : void response.writeHead(404).end();
    expect(await read('/realms/main')).toMatchObject({ issuer });
    expect(paths()).toEqual([
      '/.well-known/oauth-authorization-server/realms/main',
      '/.well-known/openid-configuration/realms/main',
      '/realms/main/.well-known/openid-configuration',
    ]);
  });

  it.each([
    ['400', 400, 'application/json'],
    ['a guard’s 401', 401, 'text/html'],
    ['405', 405, 'text/plain'],
    ['a start page', 200, 'text/html; charset=utf-8'],
  ])('goes on after %s', async (_name, status, type) => {
    peer.answer = ({ path }, response) =>
      path === '/.well-known/openid-configuration'
        ? sendJson(response, document())
        : void response.writeHead(status, { 'content-type': type }).end('{}');
    expect(await read()).toMatchObject({ issuer: peer.origin });
  });

  it('does not pass over metadata of the right form for another address', async () => {
    serving({ issuer: 'https://other.example.com' });
    expect((await failureOf(read())).code).toBe('invalid_server_metadata');
    expect(paths()).toHaveLength(1);
  });
});

describe('who the metadata is of', () => {
  it.each([
    ['another host', () => 'https://other.example.com'],
    ['another path', () => `${peer.origin}/other`],
    ['another port', () => 'http://127.0.0.1:1'],
    ['no text', () => 7],
    ['another host without a scheme', () => 'other.example.com'],
    ['our host in another scheme', () => peer.origin.replace('http:', 'https:')],
  ])('refuses an issuer that is %s (RFC 8414 §3.3)', async (_name, issuer) => {
    serving({ issuer: issuer() });
    const failure = await failureOf(read());
    expect(failure.code).toBe('invalid_server_metadata');
    expect(failure.message).toContain(new URL(peer.origin).host);
  });

  it('refuses metadata without an issuer', async () => {
    serving({ issuer: undefined });
    expect((await failureOf(read())).code).toBe('invalid_server_metadata');
  });

  it('takes exactly the host that was asked for an issuer, as Access documents it', async () => {
    serving({ issuer: new URL(peer.origin).host });
    expect(await read()).toMatchObject({ issuer: peer.origin });
  });

  it('does not take the bare host for an issuer with a path', async () => {
    serving({ issuer: new URL(peer.origin).host });
    expect((await failureOf(read('/tenant'))).code).toBe('invalid_server_metadata');
  });
});

describe('endpoints', () => {
  const names = [
    'authorization_endpoint',
    'token_endpoint',
    'registration_endpoint',
    'revocation_endpoint',
    'device_authorization_endpoint',
  ];
  it.each(names)('refuses a %s on another origin', async (name) => {
    serving({ [name]: 'https://evil.example/x' });
    expect(await failureOf(read())).toMatchObject({
      code: 'invalid_server_metadata',
      message: expect.stringMatching(new RegExp(`${name}.*“https://evil.example/x”`)),
    });
  });

  it.each([
    ['a script', () => 'javascript:alert(1)//'],
    ['userinfo', () => `${peer.origin.replace('//', '//user@')}/x`],
    ['another port', () => 'http://127.0.0.1:1/x'],
    ['https in the place of http', () => `${peer.origin.replace('http:', 'https:')}/x`],
    ['a path alone', () => '/authorize'],
    ['a number', () => 7],
    ['a list', () => [`${peer.origin}/x`]],
    ['an empty text', () => ''],
  ])('refuses %s', async (_name, endpoint) => {
    serving({ authorization_endpoint: endpoint() });
    expect((await failureOf(read())).code).toBe('invalid_server_metadata');
  });

  it('wants a token endpoint before anyone is asked to sign in (RFC 8414 §2)', async () => {
    serving({ token_endpoint: undefined });
    expect(await failureOf(read())).toMatchObject({
      code: 'invalid_server_metadata',
      message: expect.stringContaining('token_endpoint'),
    });
  });
});

it.each([
  ['absent', undefined],
  ['plain alone', ['plain']],
  ['empty', []],
  ['a text', 'S256'],
  ['in another case', ['s256']],
])(
  'refuses a server whose PKCE methods are %s, with the reason (RFC 7636)',
  async (_n, methods) => {
    serving({ code_challenge_methods_supported: methods });
    expect(await failureOf(read())).toMatchObject({
      code: 'unsupported_authorization_server',
      message: expect.stringContaining('S256'),
      nextStep: [
        {
          do: 'ask_operator',
          host: expect.any(String),
          to: expect.stringContaining('code_challenge_methods_supported'),
        },
      ],
    });
  },
);

describe('metadata that cannot be read', () => {
  it.each<[name: string, code: string, answer: Answering]>([
    [
      'HTML everywhere',
      'invalid_server_metadata',
      (_, response) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
    ],
    [
      '404 everywhere',
      'invalid_server_metadata',
      (_, response) => void response.writeHead(404).end(),
    ],
    [
      'a truncated document',
      'invalid_server_metadata',
      (_, response) => sendJson(response, '{"issuer":"https'),
    ],
    ['an array', 'invalid_server_metadata', (_, response) => sendJson(response, [])],
    [
      '10 MB',
      'response_too_large',
      (_, response) => sendJson(response, `{"issuer":"${'a'.repeat(10_000_000)}"}`),
    ],
    ['no answer in time', 'timeout', () => {}],
    ['503', 'temporarily_unavailable', (_, response) => void response.writeHead(503).end()],
    ['429', 'temporarily_unavailable', (_, response) => void response.writeHead(429).end()],
    ['a lost connection', 'network_error', (_, response) => void response.destroy()],
  ])('%s ends in %s', async (name, code, answering) => {
    peer.answer = answering;
    if (name.includes('in time')) peer.timeoutMs = 200;
    const failure = await failureOf(read());
    expect(failure.code).toBe(code);
    expect(failure.nextStep?.length).toBeGreaterThan(0);
  });

  it('follows no redirect', async () => {
    const other = await listen((_, response) => sendJson(response, document()));
    peer.answer = (_, response) =>
      void response.writeHead(302, { location: `${other.origin}/` }).end();
    expect((await failureOf(read())).code).toBe('invalid_server_metadata');
    expect(other.asked).toEqual([]);
    expect(paths()).toHaveLength(1);
    await other.close();
  });
});
