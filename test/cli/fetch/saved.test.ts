/** -o, -O, -J, -C, several URLs and --retry: the same files, output and exit code as from the real curl. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../program.ts';
import { type Files, hasCurl, withCurl, withOurs } from './beside-curl.ts';
import { type Recorded, recordingOrigin } from './recording-origin.ts';

let program: Program;
beforeAll(async () => {
  program = await createProgram();
});
afterAll(() => program.remove());

const content = '0123456789';
const dated = 'Wed, 21 Oct 2015 07:28:00 GMT';
const later = 'Thu, 22 Oct 2015 07:28:00 GMT';
const earlier = 'Tue, 20 Oct 2015 07:28:00 GMT';

/** `/range`: a file with parts; `/whole`: one without; `/named?…`: one that is called so; `/403`: no file. */
function answer({ target, fields }: Recorded): [status: number, fields: object, body: string] {
  const url = new URL(target, 'http://localhost');
  const status = /^\/(\d{3})/.exec(url.pathname)?.[1];
  if (status !== undefined) return [Number(status), {}, 'a page about it'];
  const field = url.searchParams.get('field');
  if (field !== null) return [200, { 'content-disposition': field }, content];
  const start = /^bytes=(\d+)-$/.exec(fields.range ?? '')?.[1];
  if (url.pathname === '/range' && start !== undefined) {
    const from = Number(start);
    if (from >= content.length) return [416, { 'content-range': `bytes */${content.length}` }, ''];
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    return [206, { 'content-range': range }, content.slice(from)];
  }
  if (url.pathname === '/odd') return [206, { 'content-range': 'bytes 0-3/10' }, '0123'];
  if (url.pathname === '/dated') {
    if (Date.parse(fields['if-modified-since'] ?? '') >= Date.parse(dated)) return [304, {}, ''];
    return [200, { 'last-modified': dated }, content];
  }
  if (url.pathname === '/heedless') return [200, { 'last-modified': dated }, content];
  if (url.pathname === '/empty') return [200, {}, ''];
  if (url.pathname === '/longer') return [416, { 'content-range': 'bytes */3' }, ''];
  return [200, {}, content];
}

const plain = () =>
  recordingOrigin((request, response) => {
    const [status, fields, body] = answer(request);
    response.writeHead(status, { ...fields }).end(body);
  });

const named = (field: string) => `/url.txt?field=${encodeURIComponent(field)}`;
const refused = 'http://127.0.0.1:1/x';
/** A device that takes nothing, as a full disk does. */
const full = '/dev/full';

describe.skipIf(!hasCurl)('saves and says the same as curl', () => {
  const cases: [name: string, args: string[], paths: string[], files: Files, exitCode: number][] = [
    ['-O', ['-O'], ['/a/file.txt?q=1'], {}, 0],
    ['-O over a file that is there', ['-O'], ['/file.txt'], { 'file.txt': 'old' }, 0],
    ['-O with an encoded name', ['-O'], ['/a%20b%2Fc.txt'], {}, 0],
    ['-O where the URL has no name', ['-O'], ['/folder/'], {}, 23],
    ['-O for two URLs', ['-O', '-O'], ['/1', '/2'], {}, 0],
    ['-O for the first of two URLs', ['-O'], ['/1', '/2'], {}, 0],
    ['-o and -O', ['-o', 'x', '-O'], ['/1', '/2'], {}, 0],
    ['--remote-name-all', ['--remote-name-all'], ['/1', '/2'], {}, 0],
    ['-o of nothing', ['-o', 'x'], ['/empty'], {}, 0],
    ['-i into a file', ['-fsSL', '-o', 'x'], ['/1'], {}, 0],
    ['a status that -f does not save', ['-f', '-O'], ['/404'], {}, 22],
    ['-OJ', ['-OJ'], [named('attachment; filename="name.txt"')], {}, 0],
    ['-OJ without quotes', ['-OJ'], [named('attachment; filename=name.txt; x=y')], {}, 0],
    ['-OJ with a path', ['-OJ'], [named('attachment; filename="../../up/name.txt"')], {}, 0],
    ['-OJ with a Windows path', ['-OJ'], [named('attachment; filename="C:\\up\\name.txt"')], {}, 0],
    ['-OJ where nothing is named', ['-OJ'], ['/url.txt'], {}, 0],
    ['-OJ where no file is named', ['-OJ'], [named('inline')], {}, 0],
    ['-OJ over a file', ['-OJ'], [named('x; filename=name.txt')], { 'name.txt': 'old' }, 23],
    ['-sLOJ', ['-sLOJ'], [named('x; filename=name.txt')], {}, 0],
    ['the name -w', ['-w', '%{filename_effective}', '-OJ'], [named('x; filename=n.txt')], {}, 0],
    ['-C -', ['-C', '-', '-o', 'x'], ['/range'], { x: '0123' }, 0],
    ['-LOC -', ['-LOC', '-'], ['/range'], { range: '012' }, 0],
    ['-C - with nothing there', ['-C', '-', '-o', 'x'], ['/range'], {}, 0],
    ['-C - with everything there', ['-C', '-', '-o', 'x'], ['/range'], { x: content }, 0],
    ['-C - without parts', ['-C', '-', '-o', 'x'], ['/whole'], { x: '0123' }, 33],
    ['-C to stdout', ['-C', '4'], ['/range'], {}, 0],
    ['a range to stdout', ['-r', '4-'], ['/range'], {}, 0],
    ['two URLs to stdout', [], ['/1', '/2'], {}, 0],
    ['two URLs with -w', ['-w', '%{http_code}\\n'], ['/1', '/404'], {}, 0],
    ['two URLs with -f, the first failing', ['-f'], ['/404', '/1'], {}, 0],
    ['two URLs with -f, the last failing', ['-f'], ['/1', '/404'], {}, 22],
    ['nobody at the first', ['-O', '-O'], [refused, '/1'], {}, 0],
    ['nobody at the last', ['-o', 'x', '-o', 'y'], ['/1', refused], {}, 7],
    ['-D where nobody answers', ['-D', 'h'], [refused], { h: 'old' }, 7],
    ['a file that is not', ['--max-filesize', '1k', '-o', 'x'], ['/1'], {}, 0],
    ['--fail-early', ['--fail-early', '-f'], ['/404', '/1'], {}, 22],
    ['no limit', ['-m', '0', '--connect-timeout', '0'], ['/1'], {}, 0],
    ['-z a later date', ['-z', later, '-o', 'x'], ['/dated'], { x: 'old' }, 0],
    ['-z a later date, with no file', ['-z', later, '-o', 'x'], ['/dated'], {}, 0],
    ['-z an earlier date', ['-z', earlier, '-o', 'x'], ['/dated'], { x: 'old' }, 0],
    ['-z a file', ['-z', 'x', '-o', 'x'], ['/dated'], { x: 'old' }, 0],
    ['-z a file that is not there', ['-z', 'x', '-o', 'x'], ['/dated'], {}, 0],
    ['-z a date that nobody heeds', ['-z', later, '-o', 'x'], ['/heedless'], { x: 'old' }, 0],
    ['-z an earlier date that nobody heeds', ['-z', earlier], ['/heedless'], {}, 0],
    ['-z what is not newer', ['-z', `-${earlier}`], ['/heedless'], {}, 0],
    ['-z what is older', ['-z', `-${later}`], ['/heedless'], {}, 0],
    ['-w of each and of a failure', ['-w', '%{urlnum}%{onerror} x'], ['/1', refused], {}, 7],
    ['-w on both', ['-w', 'a%{stderr}b%{stdout}c'], ['/1'], {}, 0],
    ['-w from a file', ['-w', '@format'], ['/1'], { format: '%{http_code}\n%{size_download}' }, 0],
    ['more outputs than URLs', ['-o', 'x', '-o', 'y'], ['/1'], {}, 0],
  ];
  if (existsSync(full)) {
    cases.push(['a little onto a full disk', ['-o', full], ['/1'], {}, 23]);
    cases.push(['heads onto a full disk', ['-i', '-o', full], ['/1'], {}, 23]);
  }

  it.each(cases)('%s', async (_name, args, paths, files, exitCode) => {
    const origin = await plain();
    const urls = paths.map((path) => (path.startsWith('/') ? origin.url(path) : path));
    const all = ['-s', ...args, ...urls];
    const theirs = await withCurl(program, all, { files });
    const asked = origin.requests.splice(0).length;
    const ours = await withOurs(program, all, { files });
    expect([theirs.run.code, ours.run.code]).toEqual([exitCode, exitCode]);
    expect(ours.files).toEqual(theirs.files);
    expect(ours.run.stdout).toBe(theirs.run.stdout);
    expect(origin.requests).toHaveLength(asked);
  });

  it('goes on after an attempt that passes by itself, as long as --retry says', async () => {
    let statuses: number[] = [];
    let after = '1';
    const origin = await recordingOrigin((_, response) => {
      response.writeHead(statuses.shift() ?? 200, { 'retry-after': after }).end(content);
    });
    const runs: [string[], number[]][] = [
      [
        ['--retry', '3'],
        [503, 429],
      ],
      [
        ['--retry', '1'],
        [500, 502, 504],
      ],
      [['--retry', '2', '-f'], [404]],
      [
        ['--retry', '1', '-f', '-d', 'body'],
        [408, 408],
      ],
      [['--retry', '3', '--retry-max-time', '1'], [503]],
    ];
    for (const [args, given] of runs) {
      after = args.includes('--retry-max-time') ? '3' : '1';
      const all = ['-s', ...args, '-o', 'x', origin.url()];
      statuses = [...given];
      const theirs = await withCurl(program, all);
      const expected = origin.requests.splice(0).map(({ method, body }) => [method, `${body}`]);
      statuses = [...given];
      const ours = await withOurs(program, all);
      const sent = origin.requests.splice(0).map(({ method, body }) => [method, `${body}`]);
      expect(sent, args.join(' ')).toEqual(expected);
      expect(ours.run.code, args.join(' ')).toBe(theirs.run.code);
      expect(ours.files, args.join(' ')).toEqual(theirs.files);
    }
  });

  it('tries again where nobody listens only if that is asked for', async () => {
    const attempts = ({ stderr }: { stderr: string }) =>
      stderr.match(/^Warning: (?:Problem|Nobody)/gm)?.length ?? 0;
    for (const [args, expected] of [
      [['--retry', '1'], 0],
      [['--retry', '1', '--retry-connrefused'], 1],
    ] as const) {
      const theirs = await withCurl(program, [...args, refused]);
      const ours = await withOurs(program, [...args, refused]);
      expect([theirs.run.code, ours.run.code]).toEqual([7, 7]);
      expect([attempts(theirs.run), attempts(ours.run)]).toEqual([expected, expected]);
    }
  });
});

describe('a name that the answer gives', () => {
  it.each([
    ['.bashrc', '_bashrc'],
    ['...', 'url.txt'],
    ['..', 'url.txt'],
    ['/', 'url.txt'],
    ['-', 'url.txt'],
    ['a/.ssh/config', 'config'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['x\u0000y\ry', 'xyy'],
    ['dots. . .', 'dots'],
    [`${'n'.repeat(300)}.txt`, 'url.txt'],
  ])('%j becomes %j', async (given, expected) => {
    const origin = await recordingOrigin((_, response) => {
      const value = `attachment; filename*=UTF-8''${encodeURIComponent(given)}`;
      response.setHeader('content-disposition', value);
      response.end(content);
    });
    const { run, files } = await withOurs(program, ['-OJ', origin.url('/url.txt')]);
    expect(run.code).toBe(0);
    expect(files).toEqual({ [expected]: content });
  });

  it('is not written through a link that is there', async () => {
    const origin = await plain();
    const folder = join(program.place, 'linked');
    await mkdir(folder);
    await symlink(join(folder, 'target'), join(folder, 'name.txt'));
    const { code, stderr } = await program.run(
      ['curl', '-sSOJ', origin.url(named('x; filename=name.txt'))],
      { cwd: folder },
    );
    expect(code).toBe(23);
    expect(stderr).toContain('name the file with --output');
    expect(await readdir(folder)).toEqual(['name.txt']);
  });
});

describe('-C adds nothing that is not the rest', () => {
  it.each([
    ['a part from elsewhere', '/odd', 33, '4 on, and gave others'],
    ['an end before ours', '/longer', 33, 'another file by now'],
    ['a page about an error', '/503', 22, 'nothing was added'],
    ['a file without parts', '/whole', 33, 'gives no parts'],
  ])('%s', async (_name, path, exitCode, says) => {
    const origin = await plain();
    const files = { x: '0123' };
    const ours = await withOurs(program, ['-C', '-', '-o', 'x', origin.url(path)], { files });
    expect(ours.run).toMatchObject({ code: exitCode, stdout: '' });
    expect(ours.run.stderr).toContain(says);
    expect(ours.files).toEqual(files);
    expect(origin.requests.map(({ fields }) => fields.range)).toEqual(['bytes=4-']);
  });

  it('nor does it begin a file with a page about an error', async () => {
    const origin = await plain();
    const ours = await withOurs(program, ['-C', '-', '-o', 'x', origin.url('/503')]);
    expect(ours).toMatchObject({ run: { code: 22 }, files: {} });
  });

  it('a file that cannot be read', async () => {
    const origin = await plain();
    const ours = await withOurs(program, ['-C', '-', '-o', 'folder', origin.url('/range')], {
      files: { 'folder/': '' },
    });
    expect(ours.run.code).toBe(23);
    expect(origin.requests).toEqual([]);
  });
});

describe.skipIf(!hasCurl)('in folders, the same files as from curl', () => {
  it.each([
    ['into a folder', ['--output-dir', 'there', '-O'], 0],
    ['into one by a name that the answer gives', ['--output-dir', 'there', '-OJ'], 0],
    ['into none', ['--output-dir', 'nowhere', '-O'], 23],
    ['with the folders of a path', ['--create-dirs', '-o', 'a/b/c'], 0],
    ['with all folders', ['--create-dirs', '--output-dir', 'a', '-o', 'b/c'], 0],
    ['to stdout all the same', ['--create-dirs', '--output-dir', 'a', '-o', '-'], 0],
  ])('%s', async (_name, args, exitCode) => {
    const origin = await plain();
    const all = ['-s', ...args, origin.url(named('x; filename=name.txt'))];
    const seen = [];
    for (const run of [withCurl, withOurs]) {
      const { folder, run: ended } = await run(program, all, { files: { 'there/': '' } });
      const found = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = found.map((each) => [
        relative(folder, join(each.parentPath, each.name)),
        each.isFile(),
      ]);
      seen.push({ files: files.sort(), code: ended.code, stdout: ended.stdout });
    }
    expect(seen[0]?.code).toBe(exitCode);
    expect(seen[1]).toEqual(seen[0]);
  });

  it('and none that is left of a failure with --remove-on-error', async () => {
    const origin = await recordingOrigin(async (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write(content);
      setTimeout(() => response.destroy(), 100);
    });
    const all = ['-s', '--remove-on-error', '-o', 'x', origin.url()];
    const theirs = await withCurl(program, all, { files: { x: 'old' } });
    const ours = await withOurs(program, all, { files: { x: 'old' } });
    expect([theirs.run.code, ours.run.code]).toEqual([18, 18]);
    expect([theirs.files, ours.files]).toEqual([{}, {}]);
  });
});

describe('--remove-on-error removes nothing that it has not written itself', () => {
  const breaksOff = () =>
    recordingOrigin(async (_, response) => {
      response.writeHead(200, {
        'content-length': '100',
        'content-disposition': 'x; filename=old',
      });
      response.write(content);
      setTimeout(() => response.destroy(), 100);
    });

  it('that is, no file of the name that the answer gives', async () => {
    const origin = await breaksOff();
    const all = ['-sS', '--remove-on-error', '-OJ', origin.url('/x')];
    const { run, files } = await withOurs(program, all, { files: { old: 'old' } });
    expect(run.code).toBe(23);
    expect(files).toEqual({ old: 'old' });
  });

  it('that is, no pipe, device or link', async () => {
    const origin = await breaksOff();
    const folder = join(program.place, 'not-a-file');
    await mkdir(folder);
    await symlink('/dev/null', join(folder, 'x'));
    const all = ['curl', '-s', '--remove-on-error', '-o', 'x', origin.url()];
    expect((await program.run(all, { cwd: folder })).code).toBe(18);
    expect(await readdir(folder)).toEqual(['x']);
  });
});

it('has only this command’s heads in the file of -D, whichever URL is answered', async () => {
  const origin = await plain();
  const all = ['-s', '-D', 'h', refused, origin.url('/1'), origin.url('/404')];
  const { files } = await withOurs(program, all, { files: { h: 'old heads' } });
  expect(files.h).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(files.h).toContain('\r\n\r\nHTTP/1.1 404');
});

it('ends with 63 where a body is larger than --max-filesize, whether its length is told or not', async () => {
  const told = await recordingOrigin((_, response) => {
    response.setHeader('content-length', content.length);
    response.end(content);
  });
  for (const origin of [told, await plain()]) {
    const all = ['-sS', '--max-filesize', '3', origin.url('/1')];
    const { run } = await withOurs(program, all);
    expect(run).toMatchObject({ code: 63, stdout: '' });
    expect(run.stderr).toContain('3 bytes');
  }
});

it.skipIf(!hasCurl)('asks for the date of -z, and dates a file with -R, as curl', async () => {
  const origin = await plain();
  const names = ['if-modified-since', 'if-unmodified-since'];
  for (const condition of [earlier, `-${later}`, 'x1']) {
    const all = ['-sR', '-z', condition, '-o', 'x', origin.url('/heedless')];
    const seen = [];
    for (const run of [withCurl, withOurs]) {
      const { folder } = await run(program, all, { files: { x: 'old' } });
      const fields = origin.requests
        .splice(0)
        .map((each) => names.map((name) => each.fields[name]));
      seen.push({ fields, date: (await stat(join(folder, 'x'))).mtime });
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]?.date).toEqual(new Date(dated));
  }
});

it('prints the head of an answer that -f does not print', async () => {
  const origin = await plain();
  const { run } = await withOurs(program, ['-sfi', origin.url('/404')]);
  expect(run.code).toBe(22);
  expect(run.stdout).toMatch(/^HTTP\/1\.1 404 .*\r\n\r\n$/s);
});

it('follows as many redirects as there are with --max-redirs -1', async () => {
  let left = 60;
  const origin = await recordingOrigin((_, response) => {
    left -= 1;
    response.writeHead(left < 0 ? 200 : 302, { location: `/${left}` }).end();
  });
  const { run } = await withOurs(program, ['-sL', '--max-redirs', '-1', origin.url()]);
  expect(run.code).toBe(0);
});

it('tries again whatever has failed with --retry-all-errors', async () => {
  const statuses = [404, 200];
  const origin = await recordingOrigin((_, response) => {
    response.writeHead(statuses.shift() ?? 500).end(content);
  });
  const all = ['-sf', '--retry', '1', '--retry-delay', '0.1', '--retry-all-errors', origin.url()];
  const { run } = await withOurs(program, all);
  expect(run).toMatchObject({ code: 0, stdout: content });
});

it('says why it does not do what is asked for also with --silent', async () => {
  const { run } = await withOurs(program, ['-s', '--next', refused]);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toContain('--next is not offered');
});

it('prints no answer that is asked for again', async () => {
  let status = 503;
  const origin = await recordingOrigin((_, response) => {
    response.writeHead(status).end(`${status}`);
    status = 200;
  });
  const { run } = await withOurs(program, ['-i', '--retry', '2', origin.url()]);
  expect(run.stdout.split('\r\n').at(-1)).toBe('200');
  expect(run.stdout).not.toContain('503');
  expect(run.stderr).toContain('Warning: The status is 503. Trying again in 1 s');
});

it('tries a body that is too slow once more where its file can be begun anew, and never on stdout', async () => {
  const origin = await recordingOrigin((_, response) => {
    response.write(origin.requests.length === 1 ? 'half' : 'whole');
    if (origin.requests.length > 1) response.end();
  });
  const args = ['-s', '-m', '2', '--retry', '1'];
  const saved = await withOurs(program, [...args, '-w', '%{exitcode}', '-o', 'x', origin.url()]);
  expect(saved).toMatchObject({ run: { code: 0, stdout: '0' }, files: { x: 'whole' } });
  origin.requests.length = 0;
  const printed = await withOurs(program, [...args, origin.url()]);
  expect(printed.run).toMatchObject({ code: 28, stdout: 'half' });
  expect(origin.requests).toHaveLength(1);
});

it('waits for a connection no longer than --connect-timeout', async () => {
  const { createServer } = await import('node:net');
  // Takes connections and says nothing, so that no TLS handshake ends.
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const args = ['-s', '--connect-timeout', '0.5', `https://127.0.0.1:${port}/`];
  const startedAt = performance.now();
  const ours = await withOurs(program, args);
  expect(ours.run.code).toBe(28);
  // The usual bound is ten seconds.
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  server.close();
});

it.skipIf(process.getuid?.() === 0)('says when a file cannot be replaced', async () => {
  const origin = await plain();
  const { folder } = await withOurs(program, ['-s', '-O', origin.url('/1')]);
  await chmod(folder, 0o500);
  const { code } = await program.run(['curl', '-s', '-O', origin.url('/2')], { cwd: folder });
  await chmod(folder, 0o700);
  expect(code).toBe(23);
});
