import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApplicationName } from '../../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { rawRequest, readJson } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const ask = (name: ApplicationName, path = '/', headers: Record<string, string> = {}) =>
  fetch(new URL(path, sandbox.applications[name].url), { redirect: 'manual', headers });

describe('an application with Managed OAuth', () => {
  test('answers 401 with the Bearer challenge and its JSON body, whatever is accepted', async () => {
    const { origin } = sandbox.applications['managed-oauth'].url;
    const base = `${origin}/.well-known/cloudflare-access-protected-resource`;
    for (const accept of ['*/*', 'application/json', 'text/html']) {
      const answer = await ask('managed-oauth', '/wiki/page?q=1', { accept });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer realm="OAuth", error="invalid_token", error_description="Missing or invalid access token", resource_metadata="${base}/wiki/page"`,
      );
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.text()).toBe(
        `{"error":"invalid_token","error_description":"Missing or invalid access token","resource_metadata":"${base}/"}`,
      );
    }
  });

  test('can name the root alone in the header', async () => {
    const other = await startSandbox({ resourcePath: 'root' });
    try {
      const { url } = other.applications['managed-oauth'];
      const answer = await fetch(new URL('/wiki/page', url));
      expect(answer.headers.get('www-authenticate')).toMatch(
        /cloudflare-access-protected-resource\/"$/,
      );
    } finally {
      await other.close();
    }
  });

  test('sends what looks like a browser to the login page', async () => {
    const { url } = sandbox.applications['managed-oauth'];
    const navigation = await rawRequest(url, { fields: [['sec-fetch-mode', 'navigate']] });
    expect(navigation.status).toBe(302);
    const headers = { 'user-agent': 'Mozilla/5.0', accept: 'text/html,*/*' };
    expect((await ask('managed-oauth', '/', headers)).status).toBe(302);
    expect((await ask('managed-oauth', '/', { 'user-agent': 'Mozilla/5.0' })).status).toBe(401);
  });

  test('is guarded against tokens that are not its own', async () => {
    for (const token of ['oauth:', 'oauth:0', 'x', '']) {
      const answer = await ask('managed-oauth', '/', { authorization: `Bearer ${token}` });
      expect(answer.status).toBe(401);
    }
  });

  test('guards only its path, however that is spelled', async () => {
    const { origin } = sandbox.applications['managed-oauth-path'].url;
    const status = async (path: string) => (await rawRequest(origin + path)).status;
    expect(await status('/')).toBe(200);
    expect(await status('/administrator')).toBe(404);
    for (const path of ['/admin', '/admin/', '/admin/x', '/%61dmin', '//admin', '/x/../admin']) {
      expect(await status(path), path).toBe(401);
    }
  });
});

describe('an application without Managed OAuth', () => {
  test('redirects to the login page with its session cookie and challenge', async () => {
    const { url, audience } = sandbox.applications['browser-login'];
    for (const accept of ['*/*', 'application/json']) {
      const answer = await ask('browser-login', '/a/b?c=d', { accept });
      expect(answer.status).toBe(302);
      const location = new URL(answer.headers.get('location') ?? '');
      expect(location.origin).toBe(sandbox.team.origin);
      expect(location.pathname).toBe(`/cdn-cgi/access/login/${url.host}`);
      expect([...location.searchParams.keys()]).toEqual(['kid', 'meta', 'redirect_url']);
      expect(location.searchParams.get('kid')).toBe(audience);
      expect(location.searchParams.get('redirect_url')).toBe('/a/b?c=d');
      expect(location.searchParams.get('meta')?.split('.')).toHaveLength(3);
      expect(answer.headers.get('set-cookie')).toMatch(/^CF_AppSession=[0-9a-f]{32}; .*HttpOnly/);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Cloudflare-Access resource_metadata="${url.origin}/.well-known/cloudflare-access-protected-resource/a/b"`,
      );
    }
  });

  test('answers XMLHttpRequest with 401, the same challenge and HTML', async () => {
    const answer = await ask('browser-login', '/a', { 'x-requested-with': 'XMLHttpRequest' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Cloudflare-Access resource_metadata=/);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
  });

  test('may redirect relative to its own path', async () => {
    const { host } = sandbox.applications['browser-login-path-relative'].url;
    const location = (await ask('browser-login-path-relative')).headers.get('location');
    expect(location).toMatch(`/cdn-cgi/access/login/${host}?kid=`);
    expect(location?.startsWith('/cdn-cgi/')).toBe(true);
  });
});

describe('the other rows', () => {
  test('only Service Auth: 403, or 401 where so set, with the audience and the domain', async () => {
    for (const [name, status] of [
      ['service-auth', 403],
      ['service-auth-401', 401],
      ['strict-service-auth', 403],
    ] as const) {
      const { audience, url } = sandbox.applications[name];
      const page = await ask(name);
      expect(page.status).toBe(status);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('cf-access-aud')).toBe(audience);
      expect(page.headers.get('cf-access-domain')).toBe(url.host);
      const json = await ask(name, '/', { accept: 'application/json' });
      expect(json.status).toBe(status);
      expect(await json.json()).toMatchObject({ aud: audience });
    }
  });

  test('identity known, policy says no: 403 with Cf-Access-Error', async () => {
    const answer = await ask('denied');
    expect(answer.status).toBe(403);
    expect(answer.headers.get('cf-access-error')).toBeTruthy();
  });

  test('Bypass: the origin itself', async () => {
    const forged = {
      'cf-access-jwt-assertion': 'forged',
      'cf-access-authenticated-user-email': 'forged@example.com',
    };
    const answer = await ask('bypass', '/echo', forged);
    expect(answer.status).toBe(200);
    const { headers } = await readJson<{ headers: object }>(answer);
    for (const name of Object.keys(forged)) expect(headers).not.toHaveProperty(name);
  });

  test('no application: error 1043', async () => {
    const answer = await ask('no-application');
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('1043')]);
  });

  test('the tunnel is down: 530 and error code 1033', async () => {
    const answer = await ask('tunnel-down');
    expect([answer.status, await answer.text()]).toEqual([530, 'error code: 1033']);
  });
});
