/**
 * doctor --record: a file that says what Access does and nothing of whose it is, and sandbox --replay,
 * which makes the same answers of it again. What must not be in the file is looked for in it.
 */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recording } from '../../../src/cli/doctor/recording/recording.ts';
import {
  type ApplicationName,
  type RecordedRequest,
  type Sandbox,
  startSandbox,
} from '../../../src/sandbox/sandbox.ts';
import { eventually } from '../../support/mcp-server.ts';
import { createProgram, type Program } from '../program.ts';

let sandbox: Sandbox;
let program: Program;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  sandbox.clearRequests();
});
afterEach(() => program.remove());

async function recorded(url: string, name = 'recording.json') {
  const path = join(program.place, name);
  const run = await program.run(['doctor', url, '--record', path]);
  return { path, run, text: await readFile(path, 'utf8') };
}

async function replayed(path: string, work: (url: string) => Promise<void>): Promise<void> {
  const replay = program.start(['sandbox', '--replay', path, '--json']);
  try {
    const line = await eventually(() =>
      replay
        .stdout()
        .split('\n')
        .find((each) => each !== ''),
    );
    await work((JSON.parse(line) as { url: string }).url);
  } finally {
    replay.child.kill('SIGINT');
    await replay.ended;
  }
}

const names: readonly ApplicationName[] = [
  'managed-oauth',
  'managed-oauth-path',
  'browser-login',
  'browser-login-path-relative',
  'service-auth',
  'denied',
  'denied-or-login',
  'identity-provider',
  'no-application',
  'tunnel-down',
];

describe('a recording', () => {
  it.each(names)(
    'of %s holds nothing that is somebody’s, and replayed, gives the same recording',
    async (name) => {
      const { url, path: guarded } = sandbox.applications[name];
      const address = `${url.origin}${guarded}?q=${encodeURIComponent('ada@example.com, secret')}`;
      const first = await recorded(address);
      const { exchanges } = JSON.parse(first.text) as Recording;
      expect(exchanges.length).toBeGreaterThan(7);
      await expectNothingOf(sandbox.requests, first.text);
      await replayed(first.path, async (again) => {
        expect((await recorded(again, 'again.json')).text).toBe(first.text);
      });
    },
  );

  it('of a host that exists only with a query asks who guards it with that, too', async () => {
    const { url } = sandbox.applications['browser-login-preview'];
    const first = await recorded(`${url.href}?preview=t0ken`);
    const { exchanges } = JSON.parse(first.text) as Recording;
    const proofs = exchanges.filter(({ question }) => question === 'who guards this host');
    expect(proofs.map(({ answer, verdict }) => [answer?.status, verdict.is])).toEqual([
      [404, 'as documented'],
      [302, 'as documented'],
    ]);
    expect(proofs[1]?.answer?.fields).toContainEqual(
      expect.stringMatching(/^cf-access-metadata: /),
    );
    expect(first.text).not.toContain('t0ken');
    await replayed(first.path, async (again) => {
      expect((await recorded(again, 'again.json')).text).toBe(first.text);
    });
  });

  it('registers nothing, signs nobody in, and sends no credential where no session is kept', async () => {
    const { clientId, clientSecret } = sandbox.serviceToken;
    const path = join(program.place, 'recording.json');
    const url = sandbox.applications['managed-oauth'].url.href;
    await program.run(['doctor', url, '--record', path], {
      environment: { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret },
    });
    // The walk before it has tried the service token, once; what is recorded goes without.
    const isTrial = ({ headers }: RecordedRequest) => 'cf-access-client-id' in headers;
    expect(sandbox.requests.filter(isTrial)).toHaveLength(1);
    expect(await readFile(path, 'utf8')).not.toContain('client-id');
    const others = sandbox.requests.filter((each) => !isTrial(each));
    expect(others.length).toBeGreaterThan(10);
    for (const { what, method, headers } of others) {
      expect(['GET', 'HEAD', 'OPTIONS']).toContain(method);
      expect(what).not.toMatch(/registration|authorization|token|login|cli/);
      expect(headers).not.toHaveProperty('authorization');
      expect(headers).not.toHaveProperty('cookie');
      expect(headers).not.toHaveProperty('cf-access-token');
    }
    expect(await program.opened()).toEqual([]);
  });

  it.each(['managed-oauth', 'browser-login'] as const)(
    'of %s holds nothing of a kept session’s secrets, which go to its own resource once',
    async (name) => {
      const { url } = sandbox.applications[name];
      const signingIn = program.start(['login', url.href]);
      await program.signIn(sandbox.people[0] ?? '');
      expect((await signingIn.ended).code).toBe(0);
      const before = [...sandbox.requests];
      sandbox.clearRequests();
      const { text } = await recorded(`${url.href}status/404`);
      const withCredential = sandbox.requests.filter(
        ({ headers }) => 'authorization' in headers || 'cf-access-token' in headers,
      );
      expect(withCredential.map(({ host, method, url }) => [host, method, url])).toEqual([
        [name, 'GET', '/status/404'],
      ]);
      const { exchanges } = JSON.parse(text) as Recording;
      const last = exchanges.at(-1);
      expect(last?.question).toBe('with the session that is kept');
      expect(last?.verdict.is).toBe('as documented');
      expect(last?.request.fields.at(-1)).toMatch(
        name === 'managed-oauth'
          ? /^authorization: Bearer \{token-1\}$/
          : /^cf-access-token: \{jwt-\d+\}$/,
      );
      // What the person sees there is theirs: not a word of it is written.
      expect(last?.answer?.body).toBeNull();
      await expectNothingOf([...before, ...sandbox.requests], text);
    },
  );

  it('tells instants by the server’s clock, and how far that is from this one', async () => {
    const late = await startSandbox({
      fault: ({ host }) =>
        host === 'bypass'
          ? {
              headers: {
                date: new Date(Date.now() - 600_000).toUTCString(),
                'set-cookie': `a=b; Expires=${new Date(Date.now() - 300_000).toUTCString()}`,
              },
            }
          : undefined,
    });
    const { path, text } = await recorded(late.applications.bypass.url.href);
    await late.close();
    const [first] = (JSON.parse(text) as Recording).exchanges;
    expect(first?.answer?.fields).toContain('date: {now-600}');
    expect(first?.answer?.fields).toContain('set-cookie: {name-1}={cookie-1}; Expires={now+300}');
    await replayed(path, async (again) => {
      expect((await recorded(again, 'again.json')).text).toBe(text);
    });
  });

  it('is yours alone, and never written over a file', async () => {
    const url = sandbox.applications.bypass.url.href;
    const { path } = await recorded(url);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const taken = join(program.place, 'taken');
    await writeFile(taken, 'mine');
    sandbox.clearRequests();
    const refused = await program.run(['doctor', url, '--record', taken]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('exists already');
    expect(await readFile(taken, 'utf8')).toBe('mine');
    expect(sandbox.requests).toEqual([]);
    const nowhere = await program.run(['doctor', url, '--record', join(taken, 'x')]);
    expect(nowhere.code).toBe(2);
  });

  it('leaves no file where nothing could be recorded', async () => {
    const folder = join(program.place, 'folder');
    await mkdir(folder);
    const run = await program.run(
      ['doctor', sandbox.applications.bypass.url.href, '--record', join(folder, 'x')],
      { environment: { CF_ACCESS_CALLBACK_PORT: 'no' } },
    );
    expect(run.code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
    expect((await program.run(['doctor', '--record', join(folder, 'x')])).code).toBe(2);
  });

  it('has a host that is out of reach in it, by the error’s code', async () => {
    const { text } = await recorded('http://127.0.0.1:1/');
    const { exchanges } = JSON.parse(text) as Recording;
    expect(exchanges[0]).toMatchObject({
      failure: 'network_error',
      verdict: { is: 'different', how: ['there was no answer'] },
    });
    expect(text).not.toContain('127.0.0.1');
  });

  it('has a verdict for each exchange, and tells the person which differ', async () => {
    const { text } = await recorded(sandbox.applications['managed-oauth'].url.href);
    const { exchanges } = JSON.parse(text) as Recording;
    expect(exchanges.map(({ question }) => question)).toContain('as a preflight');
    expect(exchanges.map(({ verdict }) => verdict.is)).toEqual(
      exchanges.map(() => 'as documented'),
    );

    const odd = await startSandbox({
      fault: ({ host, headers }) =>
        host === 'managed-oauth' && 'cf-access-metadata-request' in headers
          ? { headers: { 'cf-access-metadata': 'eyJhbGciOiJSUzI1NiJ9.e30.AAAA' } }
          : host === 'managed-oauth'
            ? { headers: { 'www-authenticate': 'Bearer realm="MCP"', 'cf-access-colour': 'blue' } }
            : undefined,
    });
    const strange = await recorded(odd.applications['managed-oauth'].url.href, 'odd.json');
    await odd.close();
    const [first] = (JSON.parse(strange.text) as Recording).exchanges;
    expect(first?.verdict).toMatchObject({
      is: 'different',
      how: expect.arrayContaining(['the challenge’s realm is not "OAuth"']),
    });
    expect(first?.answer?.other_fields['cf-access']).toBe(1);
    expect(strange.text).not.toMatch(/colour|blue|MCP"/);
    expect(strange.run.stdout).toMatch(/Recording .*differ from docs\/cloudflare-access\.md/);
    expect(strange.text).toContain('its signature does not hold by the team’s keys');
  });
});

describe('a replay', () => {
  it('answers as it was answered, so that the other commands find what was there', async () => {
    const { path } = await recorded(sandbox.applications['browser-login'].url.href);
    sandbox.clearRequests();
    await replayed(path, async (url) => {
      const { json } = await program.run(['doctor', '--json', url]);
      expect(json.findings).toContainEqual(
        expect.objectContaining({ name: 'Guard', text: expect.stringContaining('login page') }),
      );
      // Signed anew, by keys that the replay shows as the team’s.
      expect(json.findings).toContainEqual(
        expect.objectContaining({ name: 'Team', text: expect.stringContaining('signed answer') }),
      );
      expect((await fetch(`${url}elsewhere`)).status).toBe(501);
    });
    expect(sandbox.requests).toEqual([]);
  });

  it.each([
    ['no JSON', 'x'],
    ['another format', '{"format":"x"}'],
    [
      'no exchange',
      '{"format":"cloudflare-access-mcp recording 1","url":"","exchanges":[],"tokens":{}}',
    ],
  ])('refuses %s', async (_, content) => {
    const path = join(program.place, 'file');
    await writeFile(path, content);
    const { code, stderr } = await program.run(['sandbox', '--replay', path]);
    expect(code).toBe(2);
    expect(stderr).toContain('is not a recording of this program');
  });

  it('sends no field that a file has forged', async () => {
    const { path, text } = await recorded(sandbox.applications.bypass.url.href);
    const forged = join(program.place, 'forged');
    await writeFile(forged, text.replace('server: cloudflare', 'server: a\\r\\nx-forged: 1'));
    await replayed(forged, async (url) => {
      expect((await fetch(url)).headers.get('x-forged')).toBeNull();
    });
    expect(path).not.toBe(forged);
  });
});

/** Every secret, name and place that the sandbox has seen or knows. */
async function expectNothingOf(requests: readonly RecordedRequest[], text: string): Promise<void> {
  const kept = await filesIn(program.dataDir);
  const applications = Object.values(sandbox.applications);
  const all = [
    'localhost',
    '127.0.0.1',
    ...sandbox.people,
    'example.com',
    'outsider',
    sandbox.serviceToken.clientId,
    sandbox.serviceToken.clientSecret,
    sandbox.team.port,
    ...applications.flatMap(({ url, audience }) => [url.port, audience]),
    'Internal wiki',
    'Dashboard',
    ...requests.flatMap(({ headers, url, body }) => [
      ...['authorization', 'cookie', 'cf-access-token'].flatMap((name) => headers[name] ?? []),
      ...secretsIn(url),
      ...secretsIn(body),
    ]),
    ...secretsIn(kept),
  ].flatMap(spellings);
  expect(all.length).toBeGreaterThan(40);
  const found = all.filter((each) => text.toLowerCase().includes(each.toLowerCase()));
  expect(found).toEqual([]);
}

/** Whatever looks like one: long, and no word. */
function secretsIn(text: string): string[] {
  return (text.match(/[\w.:-]{20,}/g) ?? []).filter(
    (each) => /\d/.test(each) && !/^http/.test(each),
  );
}

function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    ...(secret.length > 8 ? [bytes.toString('base64'), bytes.toString('base64url')] : []),
    ...secret.split('.').filter((part) => part.length > 20),
  ];
}

async function filesIn(folder: string): Promise<string> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = found.filter((each) => each.isFile());
  return (
    await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))
  ).join('\n');
}
