/**
 * An application that uses Access as its identity provider (cloudflare-access.md §1): it is told what that
 * is and what gets in, in all faces, and nobody is sent to a login page that cannot help.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiKey } from '../../src/sandbox/application/oidc-application.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram } from '../cli/program.ts';
import { startEvilHost } from '../support/evil-host.ts';
import { startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  const { clientId, clientSecret } = sandbox.serviceToken;
  server = await startServer({
    environment: {
      CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET: clientSecret,
    },
  });
  sandbox.clearRequests();
});
afterEach(() => server.close());

const urlOf = () => new URL('/echo', sandbox.applications['identity-provider'].url).href;

describe('an application that uses Access as its identity provider', () => {
  it.each([
    ['access_fetch', {}],
    ['authenticate', {}],
    ['authenticate', { method: 'service_token' }],
    ['get_token', {}],
  ] as const)('is named by %s %j, in one request and without a tab', async (tool, more) => {
    const { json } = await server.call(tool, { url: urlOf(), ...more });
    expect(json.error).toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(
        new RegExp(
          `signs people in by itself, with Cloudflare Access \\(“${sandbox.team.host}”\\)`,
        ),
      ),
      next_step: expect.stringContaining('the application’s own credentials'),
    });
    expect(JSON.stringify(json)).not.toContain('CF_ACCESS_HOSTS');
    expect(sandbox.requests.map(({ host, method }) => [host, method])).toEqual([
      ['identity-provider', 'GET'],
    ]);
    expect(await server.opened()).toEqual([]);
  });

  it('is let into with what is its own', async () => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const { json } = await server.call('access_fetch', { url: urlOf(), headers });
    expect(json).toMatchObject({ status: 200, auth: 'none' });
    expect(sandbox.requests).toHaveLength(1);
  });

  it('is named after a redirect of its own as well, and its login page is never content', async () => {
    const host = await startEvilHost(({ url }) => ({
      status: 302,
      headers: {
        location:
          url === '/login'
            ? `${sandbox.team.origin}/cdn-cgi/access/sso/saml/0123?SAMLRequest=x`
            : '/login',
      },
    }));
    const { json } = await server.call('access_fetch', { url: host.url.href });
    await host.close();
    expect(json.error?.code).toBe('access_denied');
    expect(sandbox.requests).toEqual([]);
  });

  it('is named by the command line', async () => {
    const program = await createProgram();
    try {
      for (const args of [
        ['fetch', urlOf()],
        ['login', urlOf()],
        ['token', urlOf()],
      ]) {
        const { code, stdout, stderr } = await program.run(args);
        expect(code).not.toBe(0);
        expect(stderr).toMatch(/identity provider.*\n.*pass the application’s own credentials/i);
        expect(stdout).toBe('');
      }
      const { code, stdout } = await program.run(['doctor', urlOf()]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/✗ Guard .*identity provider/);
      expect(await program.opened()).toEqual([]);
    } finally {
      await program.remove();
    }
  });
});
