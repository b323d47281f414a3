/**
 * Access hands the origin a JWT of the person's (`Cf-Access-Jwt-Assertion`), which we never see. An origin
 * that echoes it gives it to nobody: not in text, a file, an image, a head or the words of an error,
 * neither to the agent nor on the command line (contract §4.9).
 */
import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import {
  type HostileApplication,
  startHostileApplication,
} from '../support/hostile-application.ts';
import { type Reply, redirect } from '../support/hostile-origin.ts';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signature = 'SIGNATUREsignatureSIGNATUREsignatureSIGNATURE';
/** No JWT of the tests' own: what is looked for is its shape. */
const assertion = `${part({ alg: 'RS256', kid: 'k', typ: 'JWT' })}.${part({
  aud: ['ab'.repeat(32)],
  iss: 'https://acme.cloudflareaccess.com',
  email: 'person@example.com',
})}.${signature}`;
/** Enough of it to know it by, in whatever is shown. */
const [, claims = ''] = assertion.split('.');

const text = { 'content-type': 'text/plain' };
/** The smallest there is, and text in it. */
const png = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02', 'hex'),
  Buffer.from(`\0\0\0\0tEXtComment\0${assertion}`),
]);
const pages: Record<string, () => Reply> = {
  '/text': () => ({ headers: text, body: `jwt: ${assertion}\n` }),
  '/chunks': () => ({ headers: text, chunks: [...`jwt: ${assertion}\n`] }),
  '/image': () => ({ headers: { 'content-type': 'image/png' }, body: png }),
  '/head': () => ({
    headers: { 'x-jwt': assertion, 'content-type': `text/plain; x=${assertion}` },
  }),
  '/redirect': () => redirect(`/text?t=${assertion}`),
  '/moved': () => redirect(`/text?t=${assertion}`, 303),
  [`/loop/${assertion}`]: () => redirect(`/loop/${assertion}`),
  '/loop': () => redirect(`/loop/${assertion}`),
};

let app: HostileApplication;
/** Paths at which somebody with a credential was answered: else nothing would have been echoed. */
const answered: string[] = [];

beforeAll(async () => {
  app = await startHostileApplication({
    page: ({ path }, honest) => {
      answered.push(path);
      return pages[path]?.() ?? honest();
    },
  });
});
afterAll(() => app.close());

const environment = { CF_ACCESS_HOSTS: 'localhost' };

/** Base64 and the letters of an encoding would hide it from a plain search. */
function expectCut(shown: string, path: string): void {
  expect(answered).toContain(path);
  for (const secret of [claims, signature]) {
    expect(shown).not.toContain(secret);
    for (const before of ['', 'x', 'xy']) {
      const inBase64 = Buffer.from(before + secret).toString('base64');
      expect(shown).not.toContain(inBase64.slice(4, -4));
    }
  }
}

describe('to the agent', () => {
  let cwd: string;
  let server: TestServer;
  beforeAll(async () => {
    cwd = await realpath(await temporaryFolder());
    server = await startServer({ cwd, environment });
    const signingIn = server.call('access_fetch', { url: app.at('/') });
    await fetch(await eventually(async () => (await server.opened())[0]));
    expect((await signingIn).json).toMatchObject({ status: 200 });
  });
  afterAll(async () => {
    await server.close();
    await rm(cwd, { recursive: true, force: true });
  });
  const ask = (path: string, more: Record<string, unknown> = {}) =>
    server.call('access_fetch', { url: app.at(path), ...more });

  it.each(['/text', '/chunks', '/head', '/redirect'])('it is cut out of %s', async (path) => {
    const { json, content } = await ask(path);
    expect(json.status).toBe(200);
    expect(JSON.stringify(content)).toContain('[redacted]');
    expectCut(JSON.stringify(content), path);
  });

  it('an image with it in it is not shown', async () => {
    const { json, content } = await ask('/image');
    expect(json.status).toBe(200);
    expect(content.map(({ type }) => type)).not.toContain('image');
    expectCut(JSON.stringify(content), '/image');
  });

  it.each(['/text', '/chunks', '/image'])('it is cut out of %s in a file', async (path) => {
    const { json } = await ask(path, { save_to: `saved${path}` });
    expect(json.status).toBe(200);
    const saved = await readFile(join(cwd, 'saved', path), 'latin1');
    expect(saved).toContain('[redacted]');
    expectCut(saved, path);
  });

  it.each([
    ['/loop', 'GET'],
    ['/moved', 'DELETE'],
  ])('it is cut out of the words of an error (%s)', async (path, method) => {
    const { json, content } = await ask(path, { method });
    expectCut(JSON.stringify(content) + server.stderr(), path);
    if (path === '/loop') expect(json.error?.message).toContain('[redacted]');
  });
});

describe('on the command line', () => {
  let program: Program;
  beforeAll(async () => {
    program = await createProgram(environment);
    const running = program.start(['fetch', app.at('/')]);
    await fetch(await eventually(async () => (await program.opened())[0]));
    expect((await running.ended).stdout).toBe('the page\n');
  });
  afterAll(() => program.remove());

  it.each<[string, string, string[]]>([
    ['a body', '/text', []],
    ['a body in chunks', '/chunks', []],
    ['the bytes of an image', '/image', []],
    ['a head (-i)', '/head', ['-i']],
    ['a head (-I)', '/head', ['-I']],
    ['what is told (-v)', '/head', ['-v']],
    ['the head of a redirect', '/redirect', ['-i']],
    ['what is told of redirects', '/redirect', ['-L', '-v']],
    ['what is written out', '/redirect', ['-w', '%{redirect_url} %{content_type}']],
    ['what is written out in the end', '/redirect', ['-L', '-w', '%{url_effective}']],
    ['a page in Markdown', '/text', ['--markdown']],
    ['the words of an error', '/loop', ['-L']],
  ])('it is cut out of %s', async (_, path, args) => {
    const { stdout, stderr } = await program.run(['fetch', ...args, app.at(path)]);
    expect(stdout + stderr).toContain('[redacted]');
    expectCut(stdout + stderr, path);
  });

  it('it is cut out of a file', async () => {
    const { code } = await program.run(['fetch', '-o', 'file', app.at('/chunks')], {
      cwd: program.place,
    });
    expect(code).toBe(0);
    const saved = await readFile(join(program.place, 'file'), 'utf8');
    expect(saved).toBe('jwt: [redacted]\n');
    expectCut(saved, '/chunks');
  });
});
