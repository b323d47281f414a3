/** A login page's own address in the place of the application's: every face goes on with the application. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
  sandbox.clearRequests();
});
afterEach(() => server.close());

const dashboard = () => sandbox.applications['browser-login'].url.href;

/** What the browser shows in its address bar, where the application has sent it. */
async function pastedFrom(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: 'manual' });
  const location = answer.headers.get('location') ?? '';
  expect(location).toContain('/cdn-cgi/access/login/');
  sandbox.clearRequests();
  return location;
}

describe('the address of a login page', () => {
  it('is detected, signed in to and fetched as the application’s', async () => {
    const page = `${dashboard()}echo?q=1`;
    const pasted = await pastedFrom(page);
    const found = await server.call('detect_protection', { url: pasted });
    expect(found.json).toMatchObject({ url: page, protection: 'browser_login' });

    const signingIn = server.call('authenticate', { url: pasted });
    const opened = await eventually(async () => (await server.opened())[0]);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await signingIn).json).toMatchObject({
      status: 'authenticated',
      resource: dashboard(),
    });

    const fetched = await server.call('access_fetch', { url: pasted });
    expect(fetched.json).toMatchObject({ status: 200, url: page, auth: 'cf_access_token' });
    expect(fetched.body).toContain('"q=1'.slice(1));
    const token = await server.call('get_token', { url: pasted });
    expect(token.json).toMatchObject({ resource: dashboard() });
    // The login page itself was asked for by nobody but the person.
    const asked = sandbox.requests.filter(({ what }) => what === 'login_page');
    expect(
      asked.every(({ headers }) => /scripted person/.test(String(headers['user-agent']))),
    ).toBe(true);
    expect(await server.opened()).toHaveLength(1);
  });

  it('is one of no application where none can be told', async () => {
    for (const tool of ['access_fetch', 'authenticate', 'detect_protection', 'get_token']) {
      const { json } = await server.call(tool, {
        url: 'https://acme.cloudflareaccess.com/cdn-cgi/access/login?kid=x',
      });
      expect(json.error).toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining('acme.cloudflareaccess.com'),
        next_step: expect.stringContaining('the address of the application itself'),
      });
    }
  });

  it('gets no more trust than the application’s address: a service token goes to neither', async () => {
    const { clientId, clientSecret } = sandbox.serviceToken;
    const program = await createProgram({
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET: clientSecret,
      // The team's host is named, the application's is not.
      CF_ACCESS_HOSTS: sandbox.team.host,
      CF_ACCESS_HEADLESS: '1',
    });
    try {
      const pasted = await pastedFrom(sandbox.applications['service-auth-or-login'].url.href);
      const { code, stderr } = await program.run(['fetch', pasted]);
      expect(code).not.toBe(0);
      expect(stderr).toContain(sandbox.applications['service-auth-or-login'].url.host);
      for (const { headers } of sandbox.requests) {
        expect(headers).not.toHaveProperty('cf-access-client-secret');
      }
    } finally {
      await program.remove();
    }
  });

  it('goes on with the application on the command line', async () => {
    const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    try {
      const pasted = await pastedFrom(`${dashboard()}echo`);
      const login = program.start(['login', pasted]);
      await program.signIn(sandbox.people[0] ?? '');
      const { code, stderr } = await login.ended;
      expect(code).toBe(0);
      expect(stderr).toContain(new URL(dashboard()).host);
      const fetched = await program.run(['fetch', pasted]);
      expect(fetched.json).toMatchObject({ method: 'GET', url: '/echo' });
      expect(fetched.stderr).toContain(
        `Note: that is the address of Access’s login page for ${new URL(dashboard()).host}; ${dashboard()}echo is fetched.\n`,
      );
      for (const args of [
        ['fetch', '-s', pasted],
        ['fetch', `${dashboard()}echo`],
      ]) {
        expect((await program.run(args)).stderr).not.toContain('login page');
      }
      const { stdout } = await program.run(['doctor', pasted]);
      expect(stdout).toContain(`${new URL(dashboard()).host} answered 302`);
    } finally {
      await program.remove();
    }
  });
});
