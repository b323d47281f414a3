/**
 * The whole flow against an authorization server that nobody here wrote, in front of a small RFC 9728
 * resource, through the built server: the variants that the RFCs allow, each from challenge to page.
 */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, type ToolAnswer } from '../support/mcp-server.ts';
import { startAuthorizationServer } from '../support/oidc-authorization-server.ts';
import { type Scene, type SceneOptions, setUpScene } from '../support/resource-scene.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function setUp(options?: SceneOptions): Promise<Scene> {
  const scene = await setUpScene(options);
  ending.push(() => scene.close());
  return scene;
}

async function fetchSigningIn({ server, url, person }: Scene, path?: string, nth = 1) {
  const fetching = server.call('access_fetch', { url: url(path) });
  const { url: authorization } = await person(nth);
  return { answer: await fetching, authorization: authorization.searchParams };
}

const shown = ({ json, body }: ToolAnswer) => [json.status ?? json.error, body];
const nothing = 'alice may: nothing in particular';
const callbacks = Array.from({ length: 10 }, (_, at) => `http://localhost:${8400 + at}/callback`);
/** The ports that a client registered beforehand is registered with. */
const usualPorts = { CF_ACCESS_CALLBACK_PORT: '' };
const native = {
  redirect_uris: callbacks,
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
};

describe('a first sign-in', () => {
  it('goes by registration, PKCE, resource indicator and iss from the challenge to the page', async () => {
    const scene = await setUp();
    const { provider, resource, server } = scene;
    const { answer, authorization } = await fetchSigningIn(scene);
    expect(shown(answer)).toEqual([200, nothing]);
    expect(answer.json).toMatchObject({ auth: 'oauth' });
    expect(provider.routes()).toEqual(['discovery', 'registration', 'token']);
    expect(provider.asked[1]?.parameters).toMatchObject({
      application_type: 'native',
      token_endpoint_auth_method: 'none',
    });
    expect(authorization.get('resource')).toBe(resource.resource);
    expect(authorization.get('code_challenge_method')).toBe('S256');
    expect(provider.asked[2]?.parameters).toMatchObject({
      grant_type: 'authorization_code',
      resource: resource.resource,
    });
    expect(await server.opened()).toHaveLength(1);
  });

  it('finds the metadata that the challenge does not name (RFC 9728 §3.1)', async () => {
    const scene = await setUp({ resource: { namesMetadata: false } });
    expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, nothing]);
  });

  it('keeps to the path that the resource covers, and knows each of its pages then', async () => {
    const scene = await setUp({ resource: { path: '/app' } });
    const { answer, authorization } = await fetchSigningIn(scene, '/deep/page');
    expect(shown(answer)).toEqual([200, nothing]);
    expect(authorization.get('resource')).toBe(`${scene.resource.origin}/app`);
    const other = await scene.server.call('access_fetch', { url: scene.url('/other') });
    expect(shown(other)).toEqual([200, nothing]);
    await scene.server.call('access_fetch', {
      url: `${scene.resource.origin}/elsewhere`,
      sign_in: false,
    });
    // Beside the path the token is another resource's: it stays at home.
    const elsewhere = scene.resource.requests.filter(({ path }) => path === '/elsewhere');
    expect(elsewhere.map(({ token }) => token)).toEqual([undefined]);
  });

  it('works with an issuer that has a path (RFC 8414 §3.1, OpenID Connect Discovery)', async () => {
    const scene = await setUp({ provider: { path: '/tenant/one' } });
    expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, nothing]);
    expect(scene.provider.issuer).toMatch(/\/tenant\/one$/);
  });

  it('goes to the first of several authorization servers that is trusted', async () => {
    const second = await startAuthorizationServer();
    ending.push(() => second.close());
    const scene = await setUp();
    scene.resource.options = {
      authorizationServers: [
        'https://as.example.com',
        'no URL',
        scene.provider.issuer,
        second.issuer,
      ],
      issuedBy: [scene.provider],
    };
    expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, nothing]);
    expect(second.asked).toEqual([]);
  });

  it('is told as declined when the person aborts', async () => {
    const { server, url, provider, person } = await setUp();
    const fetching = server.call('access_fetch', { url: url() });
    await person(1, null);
    expect((await fetching).json.error).toMatchObject({ code: 'sign_in_declined' });
    expect(provider.routes()).not.toContain('token');
  });
});

describe('a session', () => {
  it('is refreshed with the resource, and each refresh token is sent once', async () => {
    const scene = await setUp();
    const { provider, resource, server, url } = scene;
    await fetchSigningIn(scene);
    for (let time = 0; time < 3; time += 1) {
      const current = resource.requests.at(-1)?.token ?? '';
      await (await provider.token(current))?.destroy();
      const answers = await Promise.all(
        [1, 2, 3].map(() => server.call('access_fetch', { url: url() })),
      );
      expect(answers.map(shown)).toEqual(Array(3).fill([200, nothing]));
    }
    const refreshes = provider.asked.filter(
      ({ parameters }) => parameters.grant_type === 'refresh_token',
    );
    expect(refreshes.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(refreshes.map(({ parameters }) => parameters.refresh_token)).size).toBe(3);
    expect(refreshes.every(({ parameters }) => parameters.resource === resource.resource)).toBe(
      true,
    );
    expect(await server.opened()).toHaveLength(1);
  });

  it('is refreshed although ID tokens are signed in a way that we were not told of', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const scene = await setUp({
      provider: {
        configuration: {
          jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
          clientDefaults: { id_token_signed_response_alg: 'ES256' },
        },
      },
      resource: { scope: 'openid read' },
    });
    const { provider, resource, server, url } = scene;
    expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, 'alice may: read']);
    await (await provider.token(resource.requests.at(-1)?.token ?? ''))?.destroy();
    expect(shown(await server.call('access_fetch', { url: url() }))).toEqual([
      200,
      'alice may: read',
    ]);
    expect(provider.routes().filter((route) => route === 'token')).toHaveLength(2);
    expect(await server.opened()).toHaveLength(1);
  });

  it('is not carried over when the resource changes its authorization server', async () => {
    const second = await startAuthorizationServer();
    ending.push(() => second.close());
    const scene = await setUp();
    const { provider, resource, server } = scene;
    await fetchSigningIn(scene);
    const before = [...provider.asked.map(({ parameters }) => parameters)];
    resource.options = { authorizationServers: [second.issuer], issuedBy: [second] };
    const { answer } = await fetchSigningIn(scene, '/page', 2);
    expect(shown(answer)).toEqual([200, nothing]);
    expect(second.routes()).toEqual(['discovery', 'registration', 'token']);
    const old = [
      provider.asked.find(({ route }) => route === 'token')?.parameters.client_id,
      ...before.map(({ code }) => code),
      ...provider.asked.map(({ parameters }) => parameters.refresh_token),
    ].filter((text) => text !== undefined);
    expect(old.length).toBeGreaterThan(1);
    for (const secret of old) expect(JSON.stringify(second.asked)).not.toContain(secret);
    expect(await server.opened()).toHaveLength(2);
  });
});

it('does not join a sign-in that is open at an authorization server of the past', async () => {
  const second = await startAuthorizationServer();
  ending.push(() => second.close());
  const scene = await setUp();
  const pending = await scene.server.call('authenticate', { url: scene.url(), wait_seconds: 0 });
  expect(pending.json.status).toBe('pending');
  // Its browser may be slow to start, and must not be taken for the second one.
  await eventually(async () => (await scene.server.opened())[0]);
  scene.resource.options = { authorizationServers: [second.issuer], issuedBy: [second] };
  const { answer, authorization } = await fetchSigningIn(scene, '/page', 2);
  expect(shown(answer)).toEqual([200, nothing]);
  expect(authorization.get('client_id')).toBe(
    second.asked.find(({ route }) => route === 'token')?.parameters.client_id,
  );
});

describe('scopes', () => {
  const asked = async (options: SceneOptions) => {
    const scene = await setUp(options);
    const { answer, authorization } = await fetchSigningIn(scene);
    return { scope: authorization.get('scope'), prompt: authorization.get('prompt'), answer };
  };

  it('are the challenge’s, with offline_access where the server lists it', async () => {
    const { scope, prompt, answer } = await asked({
      resource: { scope: 'read', scopesSupported: ['read', 'write'] },
    });
    expect([scope, prompt]).toEqual(['read offline_access', 'consent']);
    expect(shown(answer)).toEqual([200, 'alice may: read']);
  });

  it('are the resource’s when the challenge names none', async () => {
    const { scope, answer } = await asked({ resource: { scopesSupported: ['read', 'write'] } });
    expect(scope).toBe('read write offline_access');
    expect(shown(answer)).toEqual([200, 'alice may: read write']);
  });

  it('are without offline_access where the server does not list it, even if the resource does', async () => {
    const { scope, prompt } = await asked({
      provider: { metadata: (document) => ({ ...document, scopes_supported: ['openid'] }) },
      resource: { scopesSupported: ['read', 'offline_access'] },
    });
    expect([scope, prompt]).toEqual(['read', null]);
  });

  it('are left out when nobody names any', async () => {
    const { scope } = await asked({
      provider: { metadata: ({ scopes_supported: _, ...document }) => document },
    });
    expect(scope).toBeNull();
  });
});

describe('step-up (RFC 6750 §3.1)', () => {
  const wants = (path: string) => (path === '/write' ? 'write' : 'read');

  it.each([
    ['with', true],
    ['without', false],
  ])('asks once more for the union, %s metadata in the challenge', async (_name, namesMetadata) => {
    const scene = await setUp({ resource: { scope: 'read', wants, namesMetadata } });
    expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, 'alice may: read']);
    const { answer, authorization } = await fetchSigningIn(scene, '/write', 2);
    expect(shown(answer)).toEqual([200, 'alice may: read write']);
    expect(authorization.get('scope')?.split(' ').sort()).toEqual([
      'offline_access',
      'read',
      'write',
    ]);
    // The client of before: its registration names no scope that would bound it.
    expect(scene.provider.routes().filter((route) => route === 'registration')).toHaveLength(1);
    const again = await scene.server.call('access_fetch', { url: scene.url() });
    expect(shown(again)).toEqual([200, 'alice may: read write']);
    expect(await scene.server.opened()).toHaveLength(2);
  });

  it('joins the one that waits when the call is made again, and opens no other tab', async () => {
    const scene = await setUp({ resource: { scope: 'read', wants } });
    const { server, url, person } = scene;
    await fetchSigningIn(scene);
    const first = server.call('access_fetch', { url: url('/write') });
    await expect.poll(() => server.opened(), { timeout: 10_000 }).toHaveLength(2);
    const second = server.call('access_fetch', { url: url('/write') });
    await expect
      .poll(() => scene.resource.requests.filter(({ path }) => path === '/write').length)
      .toBe(2);
    await person(2);
    expect([shown(await first), shown(await second)]).toEqual(
      Array(2).fill([200, 'alice may: read write']),
    );
    expect(await server.opened()).toHaveLength(2);
  });
});

describe('clients', () => {
  it.each(['client_secret_basic', 'client_secret_post'])(
    'authenticate with %s as registration answered, at refresh too',
    async (method) => {
      const scene = await setUp({ provider: { clientAuthMethods: [method] } });
      const { provider, resource, server, url } = scene;
      expect(shown((await fetchSigningIn(scene)).answer)).toEqual([200, nothing]);
      await (await provider.token(resource.requests.at(-1)?.token ?? ''))?.destroy();
      expect(shown(await server.call('access_fetch', { url: url() }))).toEqual([200, nothing]);
      const basic = method === 'client_secret_basic';
      const tokens = provider.asked.filter(({ route }) => route === 'token');
      expect(tokens.map(({ status }) => status)).toEqual([200, 200]);
      for (const { authorization, parameters } of tokens) {
        expect(authorization?.startsWith('Basic ') ?? false).toBe(basic);
        expect(parameters.client_secret === undefined).toBe(basic);
      }
    },
  );

  it.each(['none', 'client_secret_basic', 'client_secret_post'])(
    'may be registered beforehand (%s), where there is no dynamic registration',
    async (method) => {
      const secret = method === 'none' ? {} : { client_secret: 'a/secret+of the client' };
      const client = {
        ...native,
        client_id: 'known',
        ...secret,
        token_endpoint_auth_method: method,
      };
      const scene = await setUp({
        listed: true,
        provider: {
          registration: false,
          clients: [client],
          clientAuthMethods: [method],
        },
        server: {
          environment: {
            ...usualPorts,
            CF_ACCESS_OAUTH_CLIENT_ID: 'known',
            ...(secret.client_secret
              ? { CF_ACCESS_OAUTH_CLIENT_SECRET: secret.client_secret }
              : {}),
          },
        },
      });
      const { answer, authorization } = await fetchSigningIn(scene);
      expect(shown(answer)).toEqual([200, nothing]);
      expect(authorization.get('client_id')).toBe('known');
      expect(scene.provider.routes()).toEqual(['discovery', 'token']);
      expect(scene.server.stderr()).not.toContain('a/secret');
    },
  );

  it('keep a secret from a server that the person has not named, on loopback too', async () => {
    const environment = {
      ...usualPorts,
      CF_ACCESS_OAUTH_CLIENT_ID: 'confidential',
      CF_ACCESS_OAUTH_CLIENT_SECRET: 'never-to-a-stranger',
    };
    const scene = await setUp({ server: { environment } });
    expect(scene.server.stderr()).toMatch(
      /CF_ACCESS_OAUTH_CLIENT_SECRET .* CF_ACCESS_AUTHORIZATION_SERVERS/,
    );
    const { answer, authorization } = await fetchSigningIn(scene);
    expect(shown(answer)).toEqual([200, nothing]);
    expect(authorization.get('client_id')).not.toBe('confidential');
    const basic = Buffer.from('confidential:never-to-a-stranger').toString('base64');
    const seen = JSON.stringify(scene.provider.asked);
    expect(seen).toContain('"route":"token"');
    expect(seen).not.toMatch(/never-to-a-stranger|confidential/);
    expect(seen).not.toContain(basic);

    const closed = await setUp({ provider: { registration: false }, server: { environment } });
    const { json } = await closed.server.call('access_fetch', { url: closed.url() });
    expect(json.error).toMatchObject({
      code: 'unsupported_authorization_server',
      next_step: expect.stringContaining(
        `CF_ACCESS_AUTHORIZATION_SERVERS=${closed.provider.issuer}`,
      ),
    });
  });

  it('is not a pinned team’s, when another server asks: that one never hears of it', async () => {
    const scene = await setUp({
      server: {
        environment: {
          ...usualPorts,
          CF_ACCESS_TEAM_DOMAIN: 'acme',
          CF_ACCESS_OAUTH_CLIENT_ID: 'the-teams-client',
          CF_ACCESS_OAUTH_CLIENT_SECRET: 'the-teams-secret',
        },
      },
    });
    const { answer, authorization } = await fetchSigningIn(scene);
    expect(shown(answer)).toEqual([200, nothing]);
    expect(authorization.get('client_id')).not.toBe('the-teams-client');
    expect(scene.provider.routes()).toContain('registration');
  });

  it('may be known by a client ID metadata document', async () => {
    const id = 'https://client.example.com/oauth/client.json';
    const document = {
      ...native,
      client_id: id,
      client_name: 'cloudflare-access-mcp',
      token_endpoint_auth_method: 'none',
    };
    const scene = await setUp({
      provider: {
        registration: false,
        clientIdMetadataDocuments: true,
        configuration: { fetch: async () => Response.json(document) },
      },
      server: { environment: { ...usualPorts, CF_ACCESS_OAUTH_CLIENT_ID: id } },
    });
    const { answer, authorization } = await fetchSigningIn(scene);
    expect(shown(answer)).toEqual([200, nothing]);
    expect(authorization.get('client_id')).toBe(id);
  });

  it('that cannot be registered end in what to set, and open no browser', async () => {
    const { server, url } = await setUp({ provider: { registration: false } });
    const { json } = await server.call('access_fetch', { url: url() });
    expect(json.error).toMatchObject({
      code: 'unsupported_authorization_server',
      message: expect.stringContaining('registration'),
      next_step: expect.stringContaining('CF_ACCESS_OAUTH_CLIENT_ID'),
    });
    expect(await server.opened()).toEqual([]);
  });

  it('that would have to sign their requests are refused with the reason', async () => {
    const { server, url, provider } = await setUp({
      provider: { clientAuthMethods: ['private_key_jwt'] },
    });
    const { json } = await server.call('access_fetch', { url: url() });
    expect(json.error).toMatchObject({
      code: 'unsupported_authorization_server',
      message: expect.stringContaining('private_key_jwt'),
    });
    expect(provider.routes()).toEqual(['discovery']);
    expect(await server.opened()).toEqual([]);
  });
});

it('says no code, verifier, refresh token or client secret, at CF_ACCESS_LOG=debug either', async () => {
  const scene = await setUp({
    provider: { clientAuthMethods: ['client_secret_post'] },
    server: { environment: { CF_ACCESS_LOG: 'debug' } },
  });
  const { provider, resource, server, url } = scene;
  const { answer } = await fetchSigningIn(scene);
  const token = resource.requests.at(-1)?.token ?? '';
  await (await provider.token(token))?.destroy();
  const again = await server.call('access_fetch', { url: url() });
  expect(shown(again)).toEqual([200, nothing]);
  const secrets = provider.asked.flatMap(({ parameters }) => [
    parameters.code,
    parameters.code_verifier,
    parameters.refresh_token,
    parameters.client_secret,
  ]);
  const said = server.stderr() + JSON.stringify([answer, again]);
  expect(said).toContain('a call ended');
  const found = [token, ...secrets].filter((text) => text !== undefined);
  expect(found.length).toBeGreaterThanOrEqual(6);
  for (const secret of found) expect(said).not.toContain(secret);
});
