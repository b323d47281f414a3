/** Device authorization (RFC 8628) through the built server: what the person sees, and nobody else. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallToolResult, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { decline, signInAs } from '../../src/sandbox/team/person.ts';
import {
  eventually,
  startServer,
  type TestServer,
  type TestServerOptions,
  temporaryFolder,
} from '../support/mcp-server.ts';
import { signInAtProvider } from '../support/oidc-person.ts';
import { setUpScene } from '../support/resource-scene.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A browser that cannot be started: it writes down that it was asked, and fails. */
async function brokenBrowser() {
  const folder = await temporaryFolder();
  const path = join(folder, 'browser');
  await writeFile(path, `#!/bin/sh\necho "$1" >> '${folder}/asked'\nexit 3\n`);
  await chmod(path, 0o755);
  return { path, asked: () => readFile(join(folder, 'asked'), 'utf8').catch(() => '') };
}

async function setUp(
  options: SandboxOptions = {},
  serverOptions: TestServerOptions = {},
): Promise<{ sandbox: Sandbox; server: TestServer; url: string }> {
  const sandbox = await startSandbox({
    announceDeviceFlow: true,
    deviceIntervalSeconds: 0.5,
    ...options,
  });
  ending.push(() => sandbox.close());
  const server = await startServer({
    ...serverOptions,
    environment: { CF_ACCESS_LOG: 'debug', ...serverOptions.environment },
  });
  ending.push(() => server.close());
  return { sandbox, server, url: sandbox.applications['managed-oauth'].url.href };
}

const asks = ({ requests }: Sandbox, label: string) =>
  requests.filter(({ what }) => what === label);
const polls = (sandbox: Sandbox) =>
  sandbox.requests.filter(({ what }) => what.startsWith('token:') && what.includes('device'));
const deviceCodes = (sandbox: Sandbox) =>
  polls(sandbox).map(({ body }) => new URLSearchParams(body).get('device_code') ?? '');

describe('method: device', () => {
  it('shows the code and the address, and takes the session when the person is done', async () => {
    const { sandbox, server, url } = await setUp();
    const first = await server.call('authenticate', { url, method: 'device', wait_seconds: 0 });
    expect(first.json).toMatchObject({
      status: 'pending',
      method: 'device_code',
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
      verification_uri: expect.stringMatching(/^http:\/\/.+\/device$/),
      authorization_url: expect.stringContaining('user_code='),
      next_step: expect.stringContaining(String(first.json.user_code)),
    });
    const joining = server.call('authenticate', { url, method: 'device' });
    await signInAs(String(first.json.verification_uri), sandbox.people[0] ?? '', {
      userCode: String(first.json.user_code),
    });
    expect((await joining).json).toMatchObject({ status: 'authenticated', method: 'device_code' });
    const page = await server.call('access_fetch', { url });
    expect(page.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(asks(sandbox, 'device_authorization')).toHaveLength(1);
    const told = JSON.stringify([first.content, (await joining).content, page.content]);
    for (const code of deviceCodes(sandbox)) {
      expect(code).not.toBe('');
      expect(told + server.stderr()).not.toContain(code);
    }
  });

  it('is left by those who joined it when another sign-in is started in its place', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    const { sandbox, server, url } = await setUp({}, { dataDir });
    const [joiner, other] = await Promise.all([startServer({ dataDir }), startServer({ dataDir })]);
    ending.push(() => Promise.all([joiner.close(), other.close()]));
    await server.call('authenticate', { url, method: 'device', wait_seconds: 0 });
    await joiner.call('authenticate', { url, wait_seconds: 0 });
    const joining = joiner.call('authenticate', { url });
    const replacing = other.call('authenticate', { url, method: 'browser', force: true });
    const opened = await eventually(async () => (await other.opened())[0]);
    // Longer than it takes the joiner to look again.
    await sleep(1_500);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await replacing).json).toMatchObject({ status: 'authenticated' });
    expect((await joining).json).toMatchObject({ status: 'authenticated' });
  });

  it('ends in sign_in_declined when the person declines', async () => {
    const { sandbox, server, url } = await setUp();
    const { json } = await server.call('authenticate', { url, method: 'device', wait_seconds: 0 });
    const joining = server.call('authenticate', { url, method: 'device' });
    await signInAs(String(json.authorization_url), decline);
    expect((await joining).json.error).toMatchObject({ code: 'sign_in_declined' });
    const before = polls(sandbox).length;
    await server.call('detect_protection', { url });
    expect(polls(sandbox)).toHaveLength(before);
  });

  it('ends in sign_in_expired when nobody enters the code', async () => {
    const { server, url } = await setUp({ deviceCodeSeconds: 1.5 });
    const { json } = await server.call('authenticate', { url, method: 'device' });
    expect(json.error).toMatchObject({ code: 'sign_in_expired' });
  });

  it('waits out network trouble between polls', async () => {
    let trouble = 0;
    const { sandbox, server, url } = await setUp({
      fault: ({ what }) => {
        if (!what.startsWith('token:') || trouble++ > 0) return undefined;
        return { reset: true };
      },
    });
    const signingIn = server.call('authenticate', { url, method: 'device' });
    const opened = await eventually(async () => (await server.opened())[0]);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
    expect(trouble).toBe(2);
  });

  it('registers anew, once, when the server has forgotten the client', async () => {
    let refused = 0;
    const { sandbox, server, url } = await setUp({
      fault: ({ what }) => {
        if (what !== 'device_authorization' || refused++ > 0) return undefined;
        return {
          status: 401,
          headers: { 'content-type': 'application/json', 'www-authenticate': 'Basic realm="x"' },
          body: '{"error":"invalid_client"}',
        };
      },
    });
    const { json } = await server.call('authenticate', { url, method: 'device', wait_seconds: 0 });
    expect(json).toMatchObject({ status: 'pending', user_code: expect.any(String) });
    expect(asks(sandbox, 'registration')).toHaveLength(2);
  });

  it('is refused where the server does not offer it, before anything is registered', async () => {
    const { sandbox, server, url } = await setUp({ announceDeviceFlow: false });
    const { json } = await server.call('authenticate', { url, method: 'device' });
    expect(json.error).toMatchObject({ code: 'unsupported_authorization_server' });
    expect(asks(sandbox, 'registration')).toEqual([]);
    expect(await server.opened()).toEqual([]);
  });
});

describe('where no browser opens', () => {
  it('a device code is offered by itself, and calling again joins it', async () => {
    const browser = await brokenBrowser();
    const { sandbox, server, url } = await setUp({}, { browser: browser.path });
    const first = await server.call('access_fetch', { url });
    expect(first.json.error).toMatchObject({
      code: 'sign_in_pending',
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
      verification_uri: expect.any(String),
      next_step: expect.stringContaining(String(first.json.error?.user_code)),
    });
    const second = server.call('access_fetch', { url });
    await signInAs(String(first.json.error?.verification_uri), sandbox.people[0] ?? '', {
      userCode: String(first.json.error?.user_code),
    });
    expect((await second).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(asks(sandbox, 'device_authorization')).toHaveLength(1);
    expect((await browser.asked()).trim().split('\n')).toHaveLength(1);
  });
});

it('a device endpoint that fails costs nobody the address that is open', async () => {
  const browser = await brokenBrowser();
  const { sandbox, server, url } = await setUp(
    { fault: ({ what }) => (what === 'device_authorization' ? { status: 503 } : undefined) },
    { browser: browser.path },
  );
  const { json } = await server.call('access_fetch', { url });
  expect(json.error).toMatchObject({
    code: 'sign_in_pending',
    authorization_url: expect.stringContaining('response_type=code'),
  });
  await signInAs(String(json.error?.authorization_url), sandbox.people[0] ?? '');
  expect((await server.call('access_fetch', { url })).json).toMatchObject({ status: 200 });
});

describe('the person sees the code', () => {
  const words = (code: unknown) => expect.stringContaining(String(code));

  it('in the host’s elicitation', async () => {
    const elicited: { message: string; url?: unknown }[] = [];
    const { server, url, sandbox } = await setUp(
      {},
      {
        capabilities: { elicitation: { url: {} } },
        prepare: (client) =>
          client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
            elicited.push(params);
            return { action: 'accept' };
          }),
      },
    );
    const { json } = await server.call('authenticate', { url, method: 'device', wait_seconds: 1 });
    expect(elicited).toEqual([
      expect.objectContaining({ message: words(json.user_code), url: json.authorization_url }),
    ]);
    expect(JSON.stringify(elicited)).toContain(String(json.verification_uri));
    for (const code of deviceCodes(sandbox)) expect(JSON.stringify(elicited)).not.toContain(code);
  });

  it('in the progress, from the beginning', async () => {
    const { server, url } = await setUp();
    const told: (string | undefined)[] = [];
    const result = (await server.client.callTool(
      { name: 'authenticate', arguments: { url, method: 'device', wait_seconds: 1 } },
      undefined,
      { onprogress: ({ message }) => void told.push(message) },
    )) as CallToolResult;
    const { user_code, verification_uri } = result.structuredContent as Record<string, string>;
    expect(told[0]).toContain(user_code);
    expect(told[0]).toContain(verification_uri);
  });
});

describe('against oidc-provider', () => {
  it('leads to the page where the server has no authorization endpoint at all', async () => {
    const scene = await setUpScene({
      provider: {
        deviceFlow: true,
        metadata: ({ authorization_endpoint: _, ...document }) => document,
      },
      resource: { scope: 'read' },
    });
    ending.push(() => scene.close());
    const { server, url, provider, resource } = scene;
    const fetching = server.call('access_fetch', { url: url() });
    const opened = await eventually(async () => (await server.opened())[0]);
    const { page } = await signInAtProvider(opened, 'alice');
    expect(page).toContain('Sign-in Success');
    const answer = await fetching;
    expect([answer.json.status, answer.body]).toEqual([200, 'alice may: read']);
    const [asked] = provider.asked.filter(({ route }) => route === 'device_authorization');
    expect(asked?.parameters).toMatchObject({
      resource: resource.resource,
      scope: 'read offline_access',
    });
  });
});
