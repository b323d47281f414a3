/** Faults in what the origin answers: redirects, echoes, sizes, codings, files (contract §2, §4.2, §4.9). */
import { execFileSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect } from 'vitest';
import type { HostileApplication } from '../support/hostile-application.ts';
import { matrix, type Row, type World } from '../support/hostile-matrix.ts';
import { bytes, type Reply, redirect, type Seen } from '../support/hostile-origin.ts';
import type { ToolAnswer } from '../support/mcp-server.ts';

const cwd = await realpath(await mkdtemp(join(tmpdir(), 'response-path-')));
const outside = await realpath(await mkdtemp(join(tmpdir(), 'response-path-outside-')));
await symlink(outside, join(cwd, 'way-out'));
await writeFile(join(cwd, 'mine'), 'do not touch');
await symlink(join(outside, 'dangling'), join(cwd, 'dangling'));
execFileSync('mkfifo', [join(cwd, 'pipe')]);
await mkdir(join(cwd, 'folder'));
afterAll(async () => {
  await rm(cwd, { recursive: true });
  await rm(outside, { recursive: true });
});

/** With a session: what the origin answers to a request that carries the token. */
function row(
  fault: string,
  code: string | null,
  page: (seen: Seen, token: string, world: World) => Reply,
  far: (at: {
    app: HostileApplication;
    answer: ToolAnswer;
    world: World;
    token: string;
  }) => unknown = () => {},
  args: Record<string, unknown> = {},
): Row {
  return {
    fault,
    code,
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      const access = app.issued.find((secret) => secret.startsWith('oauth:')) ?? '';
      app.seen.length = 0;
      app.twists.page = (seen) => page(seen, access, world);
      const answer = await world.call('access_fetch', { url: app.at('/'), ...args });
      return { answer, far: () => far({ app, answer, world, token: access }) };
    },
  };
}

/** The page repeats our token in a form; nothing of it may be shown. */
function echo(
  form: string,
  make: (token: string) => Reply,
  args: Record<string, unknown> = {},
): Row {
  return row(
    `an echo of our token: ${form}`,
    null,
    (_, token) => make(token),
    ({ answer, token }) => {
      expect(answer.json.status).toBe(200);
      const shown = JSON.stringify(answer.content);
      const bare = token.slice('oauth:'.length);
      const base64 = Buffer.from(token).toString('base64').slice(0, -4);
      const hex = Buffer.from(token).toString('hex');
      for (const secret of [bare, base64, hex, hex.toUpperCase()]) {
        expect(shown.includes(secret), `${secret} in ${shown}`).toBe(false);
      }
    },
    args,
  );
}

/** What reached the evil origin must be bare of all that is ours. */
const bare = ({ world }: { world: World }): void => {
  expect(world.evil.seen).toHaveLength(1);
  expect(Object.keys(world.evil.seen[0]?.headers ?? {}).sort()).toEqual([
    'accept',
    'accept-encoding',
    'connection',
    'host',
    'user-agent',
  ]);
};
const untouched = ({ world }: { world: World }): void => expect(world.evil.seen).toEqual([]);

const text = { 'content-type': 'text/plain; charset=utf-8' };
/** The token in pieces of one character, each a chunk of its own. */
const pieces = (token: string) => [...`before ${token} after`];

function save(fault: string, path: string): Row {
  return row(
    `a file ${fault}`,
    'save_refused',
    () => ({ body: 'evil content' }),
    async () => {
      expect(await readFile(join(cwd, 'mine'), 'utf8')).toBe('do not touch');
      expect(await readdir(outside)).toEqual([]);
      expect((await readdir(cwd)).sort()).toEqual([
        'dangling',
        'folder',
        'mine',
        'pipe',
        'way-out',
      ]);
    },
    { save_to: path },
  );
}

const rows: Row[] = [
  row(
    'a redirect to another origin, with the agent’s own fields on the request',
    null,
    (_, __, { evil }) => redirect(evil.at('/collect')),
    (at) => {
      bare(at);
      expect(at.answer.json.auth).toBe('none');
    },
    { headers: { 'x-api-key': 'key', cookie: 'a=b', 'private-token': 'x' } },
  ),
  row(
    'a 307 across origins with a body',
    'redirect_refused',
    (_, __, { evil }) => redirect(evil.at('/collect'), 307),
    untouched,
    { method: 'POST', body: 'private words' },
  ),
  row(
    'a 302 that would take a DELETE to another origin',
    'redirect_refused',
    (_, __, { evil }) => redirect(evil.at('/collect')),
    untouched,
    { method: 'DELETE' },
  ),
  row('a redirect away from TLS and loopback', 'redirect_refused', () =>
    redirect('http://192.0.2.1/'),
  ),
  row('a redirect to file:', 'redirect_refused', () => redirect('file:///etc/passwd')),
  row('a redirect to javascript:', 'redirect_refused', () => redirect('javascript:alert(1)')),
  row(
    'a redirect to another origin with our host as user name',
    'redirect_refused',
    (_, __, { evil }) => redirect(evil.origin.replace('//', '//localhost:8400@')),
    untouched,
  ),
  row('a Location that is no URL', 'redirect_refused', () => redirect('http://[::1')),
  row('a redirect by backslashes to another host', 'redirect_refused', () =>
    redirect('/\\192.0.2.1\\x'),
  ),
  row(
    'redirects in a circle',
    'redirect_refused',
    ({ path }) => redirect(path === '/' ? '/a' : '/'),
    ({ app }) => expect(app.seen.length).toBeLessThanOrEqual(3),
  ),
  row(
    'redirects without end',
    'redirect_refused',
    ({ path }) => redirect(`${path}x`),
    ({ app }) => expect(app.seen.length).toBeLessThanOrEqual(21),
  ),
  row(
    'a redirect whose address holds our token, to another origin',
    null,
    (_, token, { evil }) => redirect(evil.at(`/?x=${token.length}`)),
    bare,
  ),
  {
    fault: 'another origin that redirects into ours, with parameters of its own',
    code: null,
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      app.seen.length = 0;
      const origin = await world.origin(() => redirect(app.at('/?from=elsewhere')));
      const answer = await world.call('access_fetch', { url: origin.at('/') });
      return {
        answer,
        far: () => {
          expect(origin.seen[0]?.headers.authorization).toBeUndefined();
          expect(answer.json).toMatchObject({
            auth: 'oauth',
            redirects: [app.at('/?from=elsewhere')],
          });
        },
      };
    },
  },
  echo('as it is', (token) => ({ headers: text, body: `token ${token}` })),
  echo('in chunks of one character', (token) => ({ headers: text, chunks: pieces(token) })),
  echo('in base64', (token) => ({
    headers: text,
    body: ['', 'x', 'xy']
      .map((before) => Buffer.from(before + token).toString('base64'))
      .join('\n'),
  })),
  echo('URL-encoded, in both cases', (token) => ({
    headers: text,
    body: `${encodeURIComponent(token)} ${encodeURIComponent(token).replace('%3A', '%3a')}`,
  })),
  echo('in hexadecimal', (token) => ({
    headers: text,
    body: `${Buffer.from(token).toString('hex')} ${Buffer.from(token).toString('hex').toUpperCase()}`,
  })),
  echo('in JSON', (token) => ({ json: { headers: { authorization: `Bearer ${token}` } } })),
  echo('in an attribute and a comment of HTML', (token) => ({
    headers: { 'content-type': 'text/html' },
    body: `<!-- ${token} --><a href="/x?t=${token}">${token}</a><img alt="${token}" src="data:text/plain,${token}">`,
  })),
  echo('letter by letter in HTML entities', (token) => ({
    headers: { 'content-type': 'text/html' },
    body: `<p>${[...token].map((letter) => `&#${letter.charCodeAt(0)};`).join('')}</p>`,
  })),
  echo('parted by tags of HTML', (token) => ({
    headers: { 'content-type': 'text/html' },
    body: `<p>${token.slice(0, 12)}<b></b>${token.slice(12)}</p>`,
  })),
  echo('in a gzip body', (token) => ({
    headers: { ...text, 'content-encoding': 'gzip' },
    body: gzipSync(`token ${token}`),
  })),
  echo('in UTF-16', (token) => ({
    headers: { 'content-type': 'text/plain; charset=utf-16le' },
    body: Buffer.from(`token ${token}`, 'utf16le'),
  })),
  echo('in header fields, their names, and the content type', (token) => ({
    headers: {
      'x-debug': `Bearer ${token}`,
      'x-base64': Buffer.from(`Bearer ${token}`).toString('base64'),
      'content-type': `text/plain; x=${token.slice(6)}`,
      link: `<http://x/?t=${encodeURIComponent(token)}>`,
    },
    body: 'x',
  })),
  echo(
    'beyond what the first page shows',
    (token) => ({ headers: text, body: `${'x'.repeat(100)}${token}` }),
    { max_length: 110 },
  ),
  row(
    'an echo of our token: in chunks, into a file',
    null,
    (_, token) => ({ headers: text, chunks: pieces(token) }),
    async ({ token }) => {
      const saved = await readFile(join(cwd, 'saved'), 'utf8');
      await rm(join(cwd, 'saved'));
      expect(saved).not.toContain(token.slice(6));
      expect(saved).toBe('before [redacted] after');
    },
    { save_to: 'saved' },
  ),
  row(
    'cookies of Access, and a cookie for everybody: neither is shown or sent on',
    null,
    ({ path }) =>
      path === '/'
        ? {
            ...redirect('/next'),
            headers: {
              location: '/next',
              'set-cookie': [
                'CF_Authorization=eyJ.a.b; Path=/',
                'CF_AppSession=x; Path=/',
                'all=1; Domain=localhost',
                'own=1',
              ],
            },
          }
        : { headers: { 'set-cookie': 'CF_Authorization=eyJ.c.d' }, body: 'x' },
    ({ app, answer }) => {
      expect(app.seen.at(-1)?.headers.cookie).not.toMatch(/CF_/);
      expect(JSON.stringify(answer.content)).not.toMatch(/set-cookie|eyJ/i);
    },
  ),
  row(
    'a gzip bomb of 200 MiB',
    null,
    () => ({ headers: { ...text, 'content-encoding': 'gzip' }, body: bomb }),
    async ({ answer, world }) => {
      expect(answer.json.truncated).toBe(true);
      expect(await residentMiB(world.server.pid)).toBeLessThan(300);
    },
  ),
  row(
    'a body that never ends',
    null,
    () => ({
      raw: (response) => {
        response.writeHead(200, text);
        const timer = setInterval(() => response.write('tick\n'), 50);
        response.on('close', () => clearInterval(timer));
      },
    }),
    ({ answer }) => {
      expect(answer.json.truncated).toBe(true);
      expect(answer.body).toContain('tick');
    },
    { timeout_seconds: 1 },
  ),
  row('no answer at all', 'timeout', () => ({ raw: () => {} }), undefined, { timeout_seconds: 1 }),
  row('a head of 100 kB', 'response_too_large', () => ({
    headers: { 'x-large': 'x'.repeat(100_000) },
  })),
  row('a body that is shorter than it says', 'network_error', () =>
    bytes('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'),
  ),
  row('an answer that is no HTTP', 'network_error', () => bytes('220 mail.example ESMTP\r\n')),
  row('a coding that the body does not follow', 'network_error', () => ({
    headers: { ...text, 'content-encoding': 'gzip' },
    body: 'this is no gzip',
  })),
  row(
    'a coding that the body does not follow, into a file',
    'network_error',
    () => ({ headers: { ...text, 'content-encoding': 'gzip' }, body: 'this is no gzip' }),
    async () => expect(await readdir(cwd)).not.toContain('saved'),
    { save_to: 'saved' },
  ),
  row(
    'five hundred interim answers before the true one',
    null,
    () =>
      bytes(
        `${'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(500)}HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok`,
      ),
    ({ answer }) => expect(answer.body).toBe('ok'),
  ),
  row(
    'a smuggled second answer: it is nobody’s (RFC 9112 §11.1)',
    null,
    () =>
      bytes(
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged',
      ),
    async ({ app, answer, world }) => {
      expect(answer.body).toBe('ok');
      app.twists.page = () => ({ body: 'true' });
      const next = await world.call('access_fetch', { url: app.at('/next') });
      expect(next.body).toBe('true');
    },
  ),
  row(
    'a charset and a content type of nobody’s',
    null,
    () => ({ headers: { 'content-type': 'text/constructor; charset=__proto__' }, body: 'x' }),
    ({ answer }) => expect(answer.body).toBe('x'),
  ),
  row(
    'terminal escapes and bidirectional marks in header fields (contract §4.8)',
    null,
    () => bytes('HTTP/1.1 200 OK\r\nx-evil: \xc2\x9b2J\xe2\x80\xae\r\ncontent-length: 1\r\n\r\nx'),
    ({ answer }) =>
      expect(JSON.stringify(answer.json)).not.toMatch(/\u009b|\u202e|\\u009b|\\u202e/),
  ),
  row(
    'HTML nested fifty thousand deep',
    null,
    () => ({
      headers: { 'content-type': 'text/html' },
      body: `${'<div><ul><li><blockquote>'.repeat(50_000)}deep`,
    }),
    ({ answer }) => expect(answer.json.status).toBe(200),
  ),
  row(
    'the origin’s own 401 is a result, not a sign-in',
    null,
    () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="app"' }, body: 'own' }),
    ({ app, answer }) => {
      expect(answer.json.status).toBe(401);
      expect(app.seen.length).toBe(1);
    },
  ),
  save('over one that is there', 'mine'),
  save('through a path that climbs', '../outside'),
  save('through a link that leads outside', 'way-out/file'),
  save('in the place of a dangling link', 'dangling'),
  save('in the place of a FIFO', 'pipe'),
  save('in the place of a folder', 'folder'),
  save('outside, by its whole path', join(outside, 'file')),
  save('with a NUL in its name', 'a\0b'),
  row(
    'a connection that breaks amid a file: nothing is left behind',
    'network_error',
    () => bytes(`HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(100_000)}`),
    async () =>
      expect((await readdir(cwd)).sort()).toEqual([
        'dangling',
        'folder',
        'mine',
        'pipe',
        'way-out',
      ]),
    { save_to: 'new/folder/file' },
  ),
];

const bomb = gzipSync(Buffer.alloc(200 << 20));

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

matrix('response path', rows, () => ({ cwd }));
