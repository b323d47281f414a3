/**
 * Redirection URIs are judged twice: an application may refuse, at the authorization, the loopback name
 * that its account let register. The other name is tried once, and remembered for the resource.
 */
import { afterEach, expect, it } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { callbackPort } from '../support/callback-port.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SandboxOptions): Promise<void> {
  sandbox = await startSandbox(options);
  cleanUps.push(() => sandbox.close());
  server = await startServer();
  cleanUps.push(() => server.close());
}

const wiki = () => sandbox.applications['managed-oauth'].url.href;
const admin = () => new URL('/admin/', sandbox.applications['managed-oauth-path'].url).href;
const registrations = () =>
  sandbox.requests
    .filter(({ what }) => what === 'registration')
    .map(({ body }) => (JSON.parse(String(body)) as { redirect_uris: string[] }).redirect_uris);
const namesOf = (urls: readonly string[]) =>
  urls.map((url) => new URL(new URL(url).searchParams.get('redirect_uri') ?? '').hostname);

/** Calls, and has the person finish each of the `tabs` that open meanwhile. */
async function call(tabs: number, url: string, more: Record<string, unknown> = {}) {
  const before = (await server.opened()).length;
  const calling = server.call('authenticate', { url, ...more });
  for (let tab = 1; tab <= tabs; tab += 1) {
    const opened = await eventually(async () => (await server.opened())[before + tab - 1]);
    await signInAs(opened, sandbox.people[0] ?? '');
  }
  const answer = await calling;
  return { answer, tabs: namesOf((await server.opened()).slice(before)) };
}

const status = (json: { status?: unknown; error?: { code?: unknown } }) =>
  json.error?.code ?? json.status;

it('that the application alone refuses cost one tab and one registration more, once', async () => {
  await start({ redirects: { 'managed-oauth': { allowLocalhostClients: false } } });
  const first = await call(2, wiki());
  expect(status(first.answer.json)).toBe('authenticated');
  expect(first.tabs).toEqual(['localhost', '127.0.0.1']);
  expect(registrations().map(([uri]) => new URL(uri ?? '').hostname)).toEqual([
    'localhost',
    '127.0.0.1',
  ]);
  expect(sandbox.requests.filter(({ what }) => what.startsWith('token:'))).toHaveLength(1);

  // Known from now on, whoever asks.
  sandbox.clearRequests();
  const again = await call(1, wiki(), { force: true });
  expect(status(again.answer.json)).toBe('authenticated');
  expect(again.tabs).toEqual(['127.0.0.1']);
  expect(registrations()).toEqual([]);

  // What one application refuses says nothing of another.
  const second = await call(1, admin());
  expect(status(second.answer.json)).toBe('authenticated');
  expect(second.tabs).toEqual(['localhost']);
  expect(registrations()).toEqual([]);
});

it('that a second application refuses too cost it a tab, and no registration', async () => {
  const redirects = { allowLocalhostClients: false };
  await start({ redirects: { 'managed-oauth': redirects, 'managed-oauth-path': redirects } });
  await call(2, wiki());
  const second = await call(2, admin());
  expect(status(second.answer.json)).toBe('authenticated');
  expect(second.tabs).toEqual(['localhost', '127.0.0.1']);
  expect(registrations()).toHaveLength(2);
});

it('that are both refused end with what an administrator can enter, and without a third tab', async () => {
  const redirects = { allowLocalhostClients: false, allowLoopbackClients: false };
  await start({ redirects: { 'managed-oauth': redirects } });
  const { answer, tabs } = await call(2, wiki());
  expect(tabs).toEqual(['localhost', '127.0.0.1']);
  expect(answer.isError).toBe(true);
  const { code, message, next_step: next } = answer.json.error ?? {};
  expect(code).toBe('registration_rejected');
  expect(message).toContain('Redirect URI not allowed by application configuration');
  for (const words of [
    '“Allow localhost clients”',
    '“Allow loopback clients”',
    '“Allowed redirect URIs”',
    registrations()[1]?.[0] ?? 'none',
  ]) {
    expect(next).toContain(words);
  }
  expect(registrations()).toHaveLength(2);

  // Somebody may have changed the settings since: both names are tried again, with what is registered.
  const again = await call(2, wiki());
  expect(again.tabs).toEqual(['localhost', '127.0.0.1']);
  expect(registrations()).toHaveLength(2);
});

it('that stand in the application’s own list are taken whatever its toggles say', async () => {
  const redirects = {
    allowLocalhostClients: false,
    allowLoopbackClients: false,
    allowedRedirectUris: [] as string[],
  };
  await start({ redirects: { 'managed-oauth': redirects } });
  redirects.allowedRedirectUris.push(`http://127.0.0.1:${callbackPort(server.dataDir)}/*`);
  const { answer, tabs } = await call(2, wiki());
  expect(tabs).toEqual(['localhost', '127.0.0.1']);
  expect(status(answer.json)).toBe('authenticated');
});
