/** No secret in anything that is printed or answered (contract §4.9), at CF_ACCESS_LOG=debug too. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

beforeEach(async () => {
  sandbox = await startSandbox();
  server = await startServer({ environment: { CF_ACCESS_LOG: 'debug' } });
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

/** Whatever the sandbox's log and the disk know to be secret. */
async function secrets(): Promise<Record<string, string[]>> {
  const forms = sandbox.requests.flatMap(({ body, url }) => [
    new URLSearchParams(body),
    new URL(url, 'http://x').searchParams,
  ]);
  const values = (name: string) => [...new Set(forms.flatMap((form) => form.getAll(name)))];
  const kept: string[] = [];
  for (const file of await readdir(join(server.dataDir, 'sessions'))) {
    kept.push(await readFile(join(server.dataDir, 'sessions', file), 'utf8'));
  }
  const tokens = [...kept.join('\n').matchAll(/oauth:[^"]+/g)].map(([token]) => token);
  return {
    tokens: [...tokens, ...values('refresh_token')],
    code: values('code'),
    verifier: values('code_verifier'),
  };
}

it('neither prints nor answers the tokens, the code or the verifier', async () => {
  const url = new URL('/echo-all', sandbox.applications['managed-oauth'].url).href;
  const answers: unknown[] = [await server.call('detect_protection', { url })];
  const signingIn = server.call('access_fetch', { url });
  const authorizationUrl = await eventually(async () => (await server.opened())[0]);
  const end = await signInAs(authorizationUrl, sandbox.people[0] ?? '');
  answers.push(await signingIn, end.page);
  sandbox.expireAccessTokens();
  answers.push(await server.call('access_fetch', { url }));
  sandbox.endGrants();
  answers.push(await server.call('access_fetch', { url, sign_in: false }));
  answers.push(await server.call('authenticate', { url, wait_seconds: 0, force: true }));
  const { tokens, code, verifier } = await secrets();
  expect(tokens?.length).toBeGreaterThanOrEqual(2);
  expect(code?.length).toBeGreaterThanOrEqual(1);
  expect(verifier?.length).toBeGreaterThanOrEqual(1);
  const shown = JSON.stringify(answers) + server.stderr();
  for (const secret of [...(tokens ?? []), ...(code ?? []), ...(verifier ?? [])]) {
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(encodeURIComponent(secret));
  }
  // The state is part of the URL that the person is shown, and of nothing else.
  const state = new URL(authorizationUrl).searchParams.get('state') ?? '';
  expect(server.stderr()).not.toContain(state);
  expect(JSON.stringify(answers)).not.toContain(state);
});

it('keeps sessions in files of mode 0600 in folders of mode 0700, whose names tell nothing', async () => {
  const url = sandbox.applications['managed-oauth'].url.href;
  const signingIn = server.call('authenticate', { url });
  const authorizationUrl = await eventually(async () => (await server.opened())[0]);
  await signInAs(authorizationUrl, sandbox.people[0] ?? '');
  await signingIn;
  expect((await stat(server.dataDir)).mode & 0o777).toBe(0o700);
  const names = await readdir(server.dataDir, { recursive: true });
  for (const name of names) {
    const status = await stat(join(server.dataDir, name));
    expect(status.mode & 0o777).toBe(status.isDirectory() ? 0o700 : 0o600);
    // Words of ours or a hash: nothing of a URL is either.
    expect(basename(name)).toMatch(/^(?:[a-z]+(?:[-.][a-z]+)*|[0-9a-f]{32,}\.[a-z]+)$/);
  }
  expect(names.length).toBeGreaterThan(3);
});

it('starts the browser without a secret in its environment, whatever variable it stands in', async () => {
  const place = await temporaryFolder();
  const record = join(place, 'environment');
  const browser = join(place, 'browser');
  await writeFile(browser, `#!/bin/sh\nenv > '${record}.part'\nmv '${record}.part' '${record}'\n`, {
    mode: 0o755,
  });
  const secret = 'cfast_0123456789abcdefghijklmnopqrstuvwxyzABCD00000000';
  const opener = await startServer({
    browser,
    environment: {
      CF_ACCESS_CLIENT_ID: `${'0'.repeat(32)}.access`,
      CF_ACCESS_CLIENT_SECRET: secret,
      // What a host has expanded into the one above is inherited as well.
      WIKI_SECRET: secret,
      WIKI_PAIR: `id:${secret}`,
      HTTPS_PROXY: 'http://person:pass%40word1@proxy.example.com:3128',
      PROXY_PASS: 'pass@word1',
      LANG: 'C.UTF-8',
    },
  });
  try {
    const url = sandbox.applications['managed-oauth'].url.href;
    await opener.call('authenticate', { url, wait_seconds: 0 });
    const text = await eventually(() => readFile(record, 'utf8').catch(() => undefined));
    expect(text).not.toMatch(/cfast_|word1|person:/);
    expect(text).toContain('LANG=C.UTF-8');
    expect(text).toContain('HTTPS_PROXY=http://proxy.example.com:3128');
  } finally {
    await opener.close();
    await rm(place, { recursive: true, force: true });
  }
});
