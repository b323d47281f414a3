/** doctor: each line with what to do, no credential sent, nobody signed in. */
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { startHostileApplication, withFields } from '../../support/hostile-application.ts';
import { eventually } from '../../support/mcp-server.ts';
import { createProgram, type Program, type Run } from '../program.ts';

let sandbox: Sandbox;
let program: Program;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
});
afterEach(() => program.remove());

interface Finding {
  name: string;
  state: 'ok' | 'warn' | 'fail' | 'skip';
  text: string;
  advice?: string;
}

/** The findings by name. */
function found({ json }: Run): Record<string, Finding> {
  return Object.fromEntries((json.findings as Finding[]).map((each) => [each.name, each]));
}

async function doctor(
  environment: Record<string, string> = {},
  url?: string,
): Promise<{ code: number | null; findings: Record<string, Finding> }> {
  const run = await program.run(['doctor', '--json', ...(url ? [url] : [])], { environment });
  return { code: run.code, findings: found(run) };
}

describe('this machine', () => {
  it('is fine by default, and nothing is made on it', async () => {
    const { code, findings } = await doctor({ CF_ACCESS_HOSTS: '' });
    expect(code).toBe(0);
    expect(findings).toMatchObject({
      Node: { state: 'ok' },
      Environment: { state: 'ok' },
      'Data folder': {
        state: 'ok',
        text: expect.stringContaining('created with the first session'),
      },
      Browser: { state: 'ok' },
      Proxy: { state: 'skip' },
    });
    expect(await readdir(program.place)).not.toContain('data');
  });

  it('is shown as lines for people, without escapes where there is no terminal', async () => {
    const { stdout } = await program.run(['doctor']);
    expect(stdout).toMatch(/^✓ Node /m);
    expect(stdout).not.toContain('\u001b');
    const coloured = await program.run(['doctor'], { environment: { FORCE_COLOR: '1' } });
    expect(coloured.stdout).toContain('\u001b[32m');
    const none = await program.run(['doctor'], {
      environment: { FORCE_COLOR: '1', NO_COLOR: '1' },
    });
    expect(none.stdout).not.toContain('\u001b');
  });

  it('shows what an administrator limits', async () => {
    const { findings } = await doctor({
      CF_ACCESS_READ_ONLY: '1',
      CF_ACCESS_ALLOWED_HOSTS: 'app.example.com, *.corp.example.com',
    });
    expect(findings).toMatchObject({
      'Read-only': { state: 'ok', text: expect.stringContaining('GET, HEAD and OPTIONS') },
      'Allowed hosts': {
        state: 'ok',
        text: 'app.example.com, *.corp.example.com, and no other',
      },
    });
    expect(Object.keys((await doctor()).findings)).not.toContain('Read-only');
  });

  it('has every problem of its environment named, and no value', async () => {
    const { code, json, stdout } = await program.run(['doctor', '--json'], {
      environment: { CF_ACCESS_CALLBACK_PORT: 'secret', CF_ACCESS_LOG: 'x' },
    });
    expect(code).toBe(1);
    const bad = (json.findings as Finding[]).filter(({ name }) => name === 'Environment');
    expect(bad).toMatchObject([
      { state: 'fail', text: expect.stringMatching(/^CF_ACCESS_CALLBACK_PORT /) },
      { state: 'fail', text: expect.stringMatching(/^CF_ACCESS_LOG /) },
    ]);
    expect(bad[0]?.advice).toContain('this shell’s environment');
    expect(stdout).not.toContain('secret');
  });

  it.skipIf(process.getuid?.() === 0)('may not be able to write its data folder', async () => {
    await mkdir(program.dataDir, { mode: 0o500 });
    await chmod(program.dataDir, 0o500);
    expect((await doctor()).findings['Data folder']).toMatchObject({ state: 'fail' });
  });

  it('has a data folder that is none', async () => {
    await writeFile(program.dataDir, 'a file');
    const { code, findings } = await doctor();
    expect(code).toBe(1);
    expect(findings['Data folder']).toMatchObject({
      state: 'fail',
      advice: expect.stringContaining('CF_ACCESS_DATA_DIR'),
    });
  });

  it.runIf(process.platform === 'linux')(
    'has a data folder that can never be made, although its parent seems writable',
    async () => {
      const { code, findings } = await doctor({ CF_ACCESS_DATA_DIR: '/proc/x/data' });
      expect(code).toBe(1);
      expect(findings['Data folder']).toMatchObject({
        state: 'fail',
        text: expect.stringContaining('/proc cannot be written'),
      });
    },
  );

  it('has a data folder below a file', async () => {
    const file = join(program.place, 'file');
    await writeFile(file, '');
    const { findings } = await doctor({ CF_ACCESS_DATA_DIR: join(file, 'data') });
    expect(findings['Data folder']).toMatchObject({ state: 'fail' });
  });

  it('has its callback port taken by another program', async () => {
    const other = createServer((_request, response) => response.end('mine'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, findings } = await doctor({ CF_ACCESS_CALLBACK_PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(findings['Callback port']).toMatchObject({
      state: 'fail',
      text: `${port} used by other programs`,
    });
  });

  it('has its callback port held by a process of the same person, which is fine', async () => {
    const wiki = sandbox.applications['managed-oauth'].url.href;
    const other = createServer().listen(0);
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    other.close();
    await once(other, 'close');
    const environment = { CF_ACCESS_CALLBACK_PORT: port };
    const waiting = program.start(['login', wiki], { environment });
    await eventually(async () => (await program.opened())[0]);
    const { code, findings } = await doctor(environment);
    waiting.child.kill('SIGINT');
    await waiting.ended;
    expect(code).toBe(0);
    expect(findings['Callback port']?.text).toContain('another process of yours');
  });

  it('has no browser, a proxy that does not answer, certificates that are none', async () => {
    const { code, findings } = await doctor({
      BROWSER: '/no/such/browser',
      HTTPS_PROXY: 'http://ada:secret@127.0.0.1:1',
      NODE_EXTRA_CA_CERTS: join(program.place, 'missing.pem'),
    });
    expect(code).toBe(1);
    expect(findings).toMatchObject({
      Browser: { state: 'warn', advice: expect.stringContaining('paste') },
      Proxy: { state: 'fail', text: expect.stringContaining('127.0.0.1:1') },
      Certificates: { state: 'fail', text: expect.stringContaining('ENOENT') },
    });
    expect(JSON.stringify(findings)).not.toContain('secret');
  });

  it('has a browser that is told to be none', async () => {
    const { code, findings } = await doctor({ BROWSER: 'false' });
    expect(code).toBe(0);
    expect(findings.Browser).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('addresses are only printed'),
    });
  });

  it('has a variable whose name is misspelt, and is told its name alone', async () => {
    const { code, findings } = await doctor({ CF_ACCESS_HOST: 'value.example.com' });
    expect(code).toBe(0);
    expect(findings.Environment).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/^CF_ACCESS_HOST:/),
      advice: expect.stringContaining('CF_ACCESS_HOSTS'),
    });
    expect(JSON.stringify(findings)).not.toContain('value.example.com');
  });

  it('has a proxy that is named without a scheme, and answers', async () => {
    let reached = 0;
    const proxy = createServer().on('connection', () => {
      reached += 1;
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const text = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { code, findings } = await doctor({ HTTPS_PROXY: text });
    proxy.close();
    expect(code).toBe(0);
    expect(findings.Proxy).toMatchObject({ state: 'ok', text: `HTTPS_PROXY: ${text} answers` });
    expect(reached).toBe(1);
  });

  it('names a variable that would turn verification off, and says that it is ignored', async () => {
    const { findings } = await doctor({ NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(findings.Certificates).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/^NODE_TLS_REJECT_UNAUTHORIZED=0 is set, and ignored/),
    });
  });

  it('is headless without a service token, or with one that may be sent nowhere', async () => {
    expect((await doctor({ CF_ACCESS_HEADLESS: '1' })).findings.Browser?.state).toBe('warn');
    const { clientId, clientSecret } = sandbox.serviceToken;
    const { findings } = await doctor({
      CF_ACCESS_HEADLESS: '1',
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET: clientSecret,
      CF_ACCESS_HOSTS: '',
    });
    expect(findings.Browser?.state).toBe('ok');
    expect(findings['Service token']).toMatchObject({
      state: 'warn',
      advice: expect.stringContaining('CF_ACCESS_HOSTS'),
    });
  });
});

describe('a URL', () => {
  it('of a careless server is fine, and its deviations are listed', async () => {
    const application = await startHostileApplication({
      resourceMetadata: withFields(() => ({ scopes_supported: 'read write' })),
      serverMetadata: (_, honest) => ({ ...honest(), headers: { 'content-type': 'text/plain' } }),
    });
    const { findings } = await doctor({}, application.at('/'));
    await application.close();
    expect(findings['Authorization server']).toMatchObject({ state: 'ok' });
    const { host } = new URL(application.origin);
    expect(findings['Careless answers']).toMatchObject({
      state: 'skip',
      text: `accepted although they deviate from the RFCs: ${host}: scopes_supported was a string, read as a list; ${host}: a JSON document of another media type was read as one`,
    });
  });

  const steps = [
    'Network',
    'Clock',
    'Guard',
    'Resource metadata',
    'Authorization server',
    'Registration',
    'Team',
    'Session',
  ];

  it('is followed up to the token, without a credential and without signing anyone in', async () => {
    const wiki = sandbox.applications['managed-oauth'].url.href;
    const signingIn = program.start(['login', wiki]);
    await program.signIn(sandbox.people[0] ?? '');
    await signingIn.ended;
    sandbox.clearRequests();
    const { code, findings } = await doctor({}, wiki);
    expect(code).toBe(0);
    for (const step of [...steps, 'Refresh']) expect(findings[step]).toMatchObject({ state: 'ok' });
    for (const { headers, what } of sandbox.requests) {
      expect(headers.authorization).toBeUndefined();
      expect(headers['cf-access-token']).toBeUndefined();
      expect(what).not.toMatch(/token|registration/);
    }
    expect(await program.opened()).toHaveLength(1);
  });

  it('may have no session yet', async () => {
    const { code, findings } = await doctor({}, sandbox.applications['browser-login'].url.href);
    expect(code).toBe(0);
    expect(findings.Session).toMatchObject({ state: 'skip' });
    expect(findings.Session?.text).toContain('cloudflare-access-mcp login');
  });

  it('may want a person where nobody is asked, and there is nothing else to get in with', async () => {
    const { 'browser-login': dashboard, 'managed-oauth': wiki } = sandbox.applications;
    for (const { url } of [dashboard, wiki]) {
      const alone = await doctor({ CI: 'true', CF_ACCESS_HEADLESS: '' }, url.href);
      expect(alone.code).toBe(1);
      expect(alone.findings.Session).toMatchObject({
        state: 'fail',
        advice: expect.stringMatching(/CF_ACCESS_HEADLESS=0.*CF_ACCESS_CLIENT_ID/),
      });
    }
    const { clientId, clientSecret } = sandbox.serviceToken;
    const equipped = await doctor(
      {
        CF_ACCESS_HEADLESS: '1',
        CF_ACCESS_CLIENT_ID: clientId,
        CF_ACCESS_CLIENT_SECRET: clientSecret,
      },
      wiki.url.href,
    );
    expect(equipped).toMatchObject({ code: 0, findings: { Session: { state: 'skip' } } });
    const signingIn = program.start(['login', wiki.url.href]);
    await program.signIn(sandbox.people[0] ?? '');
    await signingIn.ended;
    const signedIn = await doctor({ CF_ACCESS_HEADLESS: '1' }, wiki.url.href);
    expect(signedIn).toMatchObject({ code: 0, findings: { Session: { state: 'ok' } } });
  });

  it('may refuse, want a service token, or ask for nothing', async () => {
    const { bypass } = sandbox.applications;
    const refused = await doctor({}, sandbox.applications['no-application'].url.href);
    expect(refused).toMatchObject({ code: 1, findings: { Guard: { state: 'fail' } } });
    const machines = await doctor({}, sandbox.applications['service-auth'].url.href);
    expect(machines).toMatchObject({ code: 1, findings: { 'Service token': { state: 'fail' } } });
    const open = await doctor({}, bypass.url.href);
    expect(open).toMatchObject({ code: 0, findings: { Guard: { state: 'ok' } } });
  });

  it('may be out of reach', async () => {
    expect((await doctor({}, 'http://127.0.0.1:1/')).findings.Network).toMatchObject({
      state: 'fail',
    });
  });

  it('may want people to sign in where nobody trusts', async () => {
    const application = createServer(({ url, headers }, response) => {
      const origin = `http://${headers.host}`;
      if (url !== '/metadata') {
        const challenge = `Bearer resource_metadata="${origin}/metadata"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
        return;
      }
      const document = { resource: origin, authorization_servers: ['https://login.example.com'] };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
    });
    application.listen(0, '127.0.0.1');
    await once(application, 'listening');
    const { port } = application.address() as AddressInfo;
    const { code, findings } = await doctor({}, `http://127.0.0.1:${port}/`);
    application.close();
    expect(code).toBe(1);
    expect(findings['Resource metadata']).toMatchObject({ state: 'ok' });
    expect(findings.Trust).toMatchObject({
      state: 'fail',
      advice: expect.stringContaining('CF_ACCESS_AUTHORIZATION_SERVERS'),
    });
  });

  it('tells a clock that is wrong', async () => {
    const late = createServer((_request, response) => {
      response.writeHead(200, { date: new Date(Date.now() - 3_600_000).toUTCString() }).end();
    });
    late.listen(0, '127.0.0.1');
    await once(late, 'listening');
    const { port } = late.address() as AddressInfo;
    const { code, findings } = await doctor({}, `http://127.0.0.1:${port}/`);
    late.close();
    expect(code).toBe(1);
    expect(findings.Clock).toMatchObject({ state: 'fail', text: expect.stringContaining('ahead') });
  });
});
