/**
 * What an authorization server or a resource may not do: for each, the person's browser was not opened,
 * or the code was not sent, and the error says which rule was broken.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { startAuthorizationServer } from '../support/oidc-authorization-server.ts';
import { listen } from '../support/resource-loopback.ts';
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

/** The error of a fetch that came to nothing before the browser was opened. */
async function refusedEarly({ server, provider, url }: Scene) {
  const { isError, json } = await server.call('access_fetch', { url: url() });
  expect(isError).toBe(true);
  expect(await server.opened()).toEqual([]);
  expect(provider.routes()).not.toContain('token');
  return json.error;
}

describe('before the browser is opened', () => {
  it('refuses metadata of another issuer (RFC 8414 §3.3)', async () => {
    const scene = await setUp({
      provider: { metadata: (document) => ({ ...document, issuer: 'https://as.example.com' }) },
    });
    expect(await refusedEarly(scene)).toMatchObject({ code: 'invalid_server_metadata' });
    expect(scene.provider.routes()).toEqual(['discovery']);
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'registration_endpoint'])(
    'refuses a %s on another origin, and asks it nothing',
    async (name) => {
      const other = await listen((_, response) => void response.writeHead(500).end());
      ending.push(() => other.close());
      const scene = await setUp({
        provider: { metadata: (document) => ({ ...document, [name]: `${other.origin}/x` }) },
      });
      expect(await refusedEarly(scene)).toMatchObject({
        code: 'invalid_server_metadata',
        message: expect.stringContaining(name),
      });
      expect(other.asked).toEqual([]);
    },
  );

  it('refuses a server that does not advertise S256, with the reason (RFC 7636)', async () => {
    const scene = await setUp({
      provider: { metadata: ({ code_challenge_methods_supported: _, ...document }) => document },
    });
    expect(await refusedEarly(scene)).toMatchObject({
      code: 'unsupported_authorization_server',
      message: expect.stringContaining('S256'),
    });
    expect(scene.provider.routes()).toEqual(['discovery']);
  });

  it.each([
    ['another origin', 'https://app.example.com'],
    ['a path that the URL does not lie in', '/other'],
  ])('refuses a resource that is %s (RFC 9728 §3.3)', async (_name, resource) => {
    const scene = await setUp({
      resource: {
        metadata: (document) => ({
          ...document,
          resource: new URL(resource, String(document.resource)).href,
        }),
      },
    });
    expect(await refusedEarly(scene)).toMatchObject({ code: 'invalid_resource_metadata' });
    expect(scene.provider.asked).toEqual([]);
  });

  it('does not send the person to an authorization server that nobody trusts', async () => {
    const scene = await setUp();
    scene.resource.options = { authorizationServers: ['https://as.example.com'], issuedBy: [] };
    expect(await refusedEarly(scene)).toMatchObject({
      code: 'untrusted_authorization_server',
      message: expect.stringContaining('“https://as.example.com”'),
      next_step: expect.stringContaining('CF_ACCESS_AUTHORIZATION_SERVERS'),
    });
  });

  it('says so when the resource names no authorization server', async () => {
    const scene = await setUp({ resource: { authorizationServers: [] } });
    expect(await refusedEarly(scene)).toMatchObject({ code: 'invalid_resource_metadata' });
  });

  it('follows no redirect of the metadata', async () => {
    const other = await startAuthorizationServer();
    ending.push(() => other.close());
    const turning = await listen(
      (_, response) => void response.writeHead(302, { location: `${other.issuer}/x` }).end(),
    );
    ending.push(() => turning.close());
    const scene = await setUp({ resource: { authorizationServers: [turning.origin] } });
    expect(await refusedEarly(scene)).toMatchObject({ code: 'invalid_server_metadata' });
    expect(other.asked).toEqual([]);
  });
});

describe('iss (RFC 9207)', () => {
  const unadvertised = (document: Record<string, unknown>) => ({
    ...document,
    authorization_response_iss_parameter_supported: undefined,
  });
  const without = (parameters: URLSearchParams) => parameters.delete('iss');
  const slash = (parameters: URLSearchParams) => parameters.set('iss', `${parameters.get('iss')}/`);

  const signIn = async (provider: SceneOptions['provider'] = {}) => {
    const scene = await setUp({ provider });
    const fetching = scene.server.call('access_fetch', { url: scene.url() });
    const { visit } = await scene.person();
    return { ...scene, answer: await fetching, visit };
  };

  it.each([
    ['advertised and present', {}],
    ['present and not advertised', { metadata: unadvertised }],
    ['neither', { metadata: unadvertised, response: without }],
  ])('lets the sign-in through when it is %s', async (_name, options) => {
    const { answer } = await signIn(options);
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
  });

  it.each([
    ['missing although it is advertised', { response: without }],
    ['with a trailing slash too many', { response: slash }],
    ['… also where it is not advertised', { metadata: unadvertised, response: slash }],
  ])('is refused when it is %s: the code is not sent', async (_name, options) => {
    const { answer, provider, visit, server, url } = await signIn(options);
    expect(answer.json.error).toMatchObject({ code: 'invalid_server_metadata' });
    expect(provider.routes()).toEqual(['discovery', 'registration']);
    // The person's page tells of it too; the code appears nowhere.
    expect(visit.page).toContain('did not come from');
    const code = visit.url.searchParams.get('code') ?? 'no code';
    expect(JSON.stringify(answer.content) + server.stderr() + visit.page).not.toContain(code);
    // Nothing is lost: the server lives, and a new sign-in can begin.
    const again = await server.call('authenticate', { url: url(), wait_seconds: 0 });
    expect(again.json.status).toBe('pending');
  });
});

describe('step-up without end', () => {
  it('stops after three authorizations, with an error', async () => {
    const scene = await setUp({ resource: { wants: () => 'more' } });
    const { server, url, person, provider } = scene;
    const fetching = server.call('access_fetch', { url: url() });
    for (let nth = 1; nth <= 3; nth += 1) await person(nth);
    expect((await fetching).json.error).toMatchObject({ code: 'token_rejected' });
    expect(await server.opened()).toHaveLength(3);
    expect(provider.routes().filter((route) => route === 'token')).toHaveLength(3);
  });
});
