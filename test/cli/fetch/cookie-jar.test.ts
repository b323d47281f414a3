/** -b and -c: the application's cookies, as curl reads and writes them, and never Access's. */
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from '../program.ts';
import { hasCurl, withCurl, withOurs } from './beside-curl.ts';
import { recordingOrigin } from './recording-origin.ts';

let program: Program;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
});
afterAll(async () => {
  await program.remove();
  await sandbox.close();
});

const cookiesOf = (text = '') =>
  text.split('\n').filter((line) => /^(?:#HttpOnly_|[^#])/.test(line));
const setting = (...cookies: string[]) =>
  recordingOrigin((_, response) => {
    response.setHeader('set-cookie', cookies);
    response.end('ok');
  });

describe.skipIf(!hasCurl)('as with curl', () => {
  it('keeps what was set, session cookies too, and what was there, but for what is over', async () => {
    const origin = await setting(
      'session=1',
      'until=2; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=/deep',
      'over=3; Expires=Thu, 01 Jan 1970 00:00:01 GMT',
      'http=4; HttpOnly',
      'domain=5; Domain=127.0.0.1',
      'else=6; Domain=example.com',
      'before=new',
    );
    const line = (name: string) => `127.0.0.1\tFALSE\t/\tFALSE\t4102444800\t${name}\told`;
    const files = { jar: `# Netscape HTTP Cookie File\n${line('before')}\n${line('kept')}\n` };
    const args = ['-s', '-b', 'jar', '-c', 'jar', origin.url('/deep/page')];
    const theirs = await withCurl(program, args, { files });
    const ours = await withOurs(program, args, { files });
    // curl keeps the “/” at the end of a path that no cookie named; it means the same (RFC 6265 §5.1.4).
    const same = (jar?: string) => cookiesOf(jar?.replaceAll('/deep/\t', '/deep\t')).sort();
    expect(same(ours.files.jar)).toEqual(same(theirs.files.jar));
    expect(cookiesOf(ours.files.jar).join('\n')).toMatch(/kept\told/);
  });

  it('prints them with -c -', async () => {
    const origin = await setting('a=1', 'b=2; HttpOnly');
    const args = ['-s', '-o', 'x', '-c', '-', origin.url()];
    const theirs = await withCurl(program, args);
    const ours = await withOurs(program, args);
    expect(cookiesOf(ours.run.stdout).sort()).toEqual(cookiesOf(theirs.run.stdout).sort());
  });

  it('hands them on from one URL to the next, also without a file', async () => {
    const origin = await setting('a=1');
    for (const args of [
      ['-c', 'jar'],
      ['-b', ''],
      ['-b', 'nowhere'],
    ]) {
      const all = ['-s', ...args, origin.url('/1'), origin.url('/2')];
      await withCurl(program, all);
      const sent = origin.requests.splice(0).map(({ fields }) => fields.cookie);
      await withOurs(program, all);
      expect(sent).toEqual([undefined, 'a=1']);
      expect(origin.requests.splice(0).map(({ fields }) => fields.cookie)).toEqual(sent);
    }
  });

  it('writes a file that curl reads, and reads the one that curl writes', async () => {
    const origin = await setting('a=1; HttpOnly', 'b=2; Path=/x');
    const write = ['-s', '-c', 'jar', origin.url('/x/')];
    const ours = await withOurs(program, write);
    const theirs = await withCurl(program, write);
    origin.requests.length = 0;
    const read = ['-s', '-b', 'jar', origin.url('/x/')];
    await withCurl(program, read, { files: { jar: ours.files.jar ?? '' } });
    await withOurs(program, read, { files: { jar: theirs.files.jar ?? '' } });
    const sent = origin.requests.map(({ fields }) => fields.cookie?.split('; ').sort());
    expect(sent).toEqual([
      ['a=1', 'b=2'],
      ['a=1', 'b=2'],
    ]);
  });
});

it('neither reads nor writes nor sends Access’s cookies', async () => {
  const origin = await setting(
    'CF_Authorization=ours',
    'CF_AppSession=ours',
    '__Host-CF_x=y',
    'a=1',
  );
  const line = (name: string) => `127.0.0.1\tFALSE\t/\tFALSE\t0\t${name}\ttheirs`;
  const jar = `${line('CF_Authorization')}\n${line('cf_x')}\n${line('b')}\n`;
  const args = ['-s', '-b', 'jar', '-c', 'out', origin.url('/1'), origin.url('/2')];
  const { files } = await withOurs(program, args, { files: { jar } });
  expect(origin.requests.map(({ fields }) => fields.cookie)).toEqual(['b=theirs', 'b=theirs; a=1']);
  expect(cookiesOf(files.out).map((each) => each.split('\t')[5])).toEqual(['b', 'a']);
  expect(files.jar).toBe(jar);
});

it('writes no session of Access’s into the jar, nor a cookie that repeats the token', async () => {
  const url = sandbox.applications['managed-oauth'].url.href;
  const running = program.start(['login', url]);
  await program.signIn(sandbox.people[0] ?? '');
  await running.ended;
  const { stdout } = await program.run(['token', url]);
  const token = stdout.trim();
  const echo = new URL(`/set-cookie?name=echo&value=${encodeURIComponent(token)}`, url).href;
  const { run, files } = await withOurs(program, ['-sS', '-c', 'jar', echo]);
  expect(run.code).toBe(0);
  expect(files.jar).toBeDefined();
  expect(files.jar).not.toContain(token.slice(-20));
  expect(files.jar).not.toMatch(/CF_/);
});

it('is for this user alone, whatever the file that was there was', async () => {
  const origin = await setting('a=1');
  const jar = join(program.place, 'loose');
  await writeFile(jar, 'old');
  await chmod(jar, 0o666);
  await program.run(['curl', '-s', '-c', jar, origin.url()]);
  expect((await stat(jar)).mode & 0o777).toBe(0o600);
  expect(cookiesOf(await readFile(jar, 'utf8'))).toHaveLength(1);
});

it('keeps what was set before a failure, and fails where it cannot be written', async () => {
  const origin = await setting('a=1');
  const failed = await withOurs(program, ['-s', '-c', 'jar', origin.url(), 'http://127.0.0.1:1/']);
  expect(failed.run.code).toBe(7);
  expect(cookiesOf(failed.files.jar)).toHaveLength(1);
  const { run } = await withOurs(program, ['-sS', '-c', 'none/jar', origin.url()]);
  expect(run.code).toBe(23);
  expect(run.stderr).toContain('The cookies cannot be written');
});

it('says how many lines are no cookies', async () => {
  const origin = await setting();
  const { run } = await withOurs(program, ['-b', 'lines', origin.url()], {
    files: { lines: 'no cookie\n# a comment\n' },
  });
  expect(run).toMatchObject({ code: 0, stdout: 'ok' });
  expect(run.stderr).toContain('1 lines of "lines" are no cookies');
});

it('sends a cookie of a path only where every reading of the URL stays in it', async () => {
  const origin = await setting();
  const line = (path: string) =>
    `127.0.0.1\tFALSE\t${path}\tFALSE\t0\t${path.slice(1) || 'root'}\t1`;
  const files = { jar: `${line('/')}\n${line('/deep')}\n` };
  await withOurs(program, ['-s', '-b', 'jar', origin.url('/deep/%252e%252e/x')], { files });
  await withOurs(program, ['-s', '-b', 'jar', origin.url('/deep/x')], { files });
  expect(origin.requests.map(({ fields }) => fields.cookie)).toEqual(['root=1', 'deep=1; root=1']);
});
