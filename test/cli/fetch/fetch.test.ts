/** fetch beside the real curl: the same bytes and the same exit code, on open and on guarded pages. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createProxy } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { createCertificate } from '../../support/certificate.ts';
import { startHostileApplication } from '../../support/hostile-application.ts';
import { eventually } from '../../support/mcp-server.ts';
import { createProgram, type Program, type Run, startProcess } from '../program.ts';
import { type RawServer, startRawServer } from '../raw-server.ts';

/** For the one case that needs TLS. */
const certificate = createCertificate(['localhost']);

const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

let sandbox: Sandbox;
let program: Program;
let raw: RawServer;
let secure: Server;
/** The header line that lets curl through, for each guarded application. */
const headers: { wiki: string; dashboard: string } = { wiki: '', dashboard: '' };

beforeAll(async () => {
  sandbox = await startSandbox();
  raw = await startRawServer();
  secure = createServer({ ...certificate }, (_request, response) => response.end('hidden'));
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  await writeFile(join(program.place, 'lines.txt'), 'name=Ada\r\nand=more\n');
  await mkdir(join(program.place, 'folder'));
  for (const [name, url] of Object.entries({ wiki: guarded('/'), dashboard: dashboard('/') })) {
    const running = program.start(['login', url]);
    await program.signIn(sandbox.people[0] ?? '');
    await running.ended;
    const { stdout } = await program.run(['token', '--header', url]);
    headers[name as keyof typeof headers] = stdout.trim();
  }
});
afterAll(async () => {
  await program.remove();
  raw.close();
  secure.close();
  await sandbox.close();
});

const open = (path: string) => new URL(path, sandbox.applications.bypass.url).href;
const guarded = (path: string) => new URL(path, sandbox.applications['managed-oauth'].url).href;
const dashboard = (path: string) => new URL(path, sandbox.applications['browser-login'].url).href;
const overTls = (host: string) => `https://${host}:${(secure.address() as AddressInfo).port}/`;
const curl = (args: readonly string[], input?: string): Promise<Run> =>
  startProcess('curl', ['-q', ...args], {
    environment: { PATH: process.env.PATH ?? '', HOME: program.place },
    cwd: program.place,
    ...(input === undefined ? {} : { input }),
  }).ended;

/** Both, with the same arguments, in the same folder. */
async function both(
  args: readonly string[],
  { forCurl = [], input }: { forCurl?: readonly string[]; input?: string } = {},
): Promise<{ ours: Run; theirs: Run }> {
  const theirs = await curl([...forCurl, ...args], input);
  const ours = await program.run(['curl', ...args], input === undefined ? {} : { input });
  return { ours, theirs };
}

/** What the origin's echo says of a request, without what every client says differently. */
function echoed({ stdout }: Run): unknown {
  const { method, url, body, headers } = JSON.parse(stdout);
  const { authorization, accept } = headers;
  return { method, url, body, type: headers['content-type'], authorization, accept };
}

describe.skipIf(!hasCurl)('on open pages, the same bytes and exit code as curl', () => {
  const cases: [name: string, args: () => string[], exitCode: number][] = [
    ['a page', () => [open('/')], 0],
    ['a megabyte', () => ['-s', open('/bytes/1000000')], 0],
    ['an empty body', () => [open('/bytes/0')], 0],
    ['a 404 with its body', () => [open('/status/404')], 0],
    ['a 404 with -f', () => ['-f', open('/status/404')], 22],
    ['a 200 with -sSf', () => ['-sSf', open('/status/200')], 0],
    ['a 500 with --fail-with-body', () => ['--fail-with-body', open('/status/500')], 22],
    ['a 204', () => [open('/status/204')], 0],
    ['a redirect that is not followed', () => [open('/redirect?to=/status/404')], 0],
    ['a redirect that is followed', () => ['-sL', open('/redirect?to=/bytes/1000')], 0],
    ['too many redirects', () => ['-L', '--max-redirs', '0', open('/redirect?to=/')], 47],
    ['a chunked body', () => [raw.url('/chunks')], 0],
    ['a compressed body that nobody asked for', () => ['-s', raw.url('/gzip')], 0],
    ['a compressed body, decompressed', () => ['--compressed', raw.url('/gzip')], 0],
    ['a compressed body that is none', () => ['--compressed', raw.url('/broken-gzip')], 61],
    ['a body that breaks off', () => [raw.url('/short')], 18],
    ['no answer', () => [raw.url('/empty')], 52],
    ['nobody there', () => ['http://127.0.0.1:1/'], 7],
    ['no such host', () => ['-s', 'https://nowhere.invalid/'], 6],
    ['a certificate that is not trusted', () => ['-s', overTls('localhost')], 60],
    ['a certificate for another name', () => ['-s', overTls('127.0.0.1')], 60],
    ['TLS where there is none', () => ['-s', raw.url('/').replace('http:', 'https:')], 35],
    ['not a URL', () => ['http://[::1'], 3],
    ['a scheme that is not fetched', () => ['foo://localhost/'], 1],
    ['too slow', () => ['-m', '0.4', open('/slow?ms=5000')], 28],
    ['an output that cannot be written', () => ['-s', '-o', 'folder', open('/')], 23],
    ['an option that there is not', () => ['--no-such-option', open('/')], 2],
    [
      'the status alone',
      () => ['-s', '-o', '/dev/null', '-w', '%{http_code}\\n', open('/status/418')],
      0,
    ],
    ...['next?a=b#c', '/status/204', '//elsewhere.example/x', 'http://[', 'two words'].map(
      (to): (typeof cases)[number] => [
        `where a redirect to ${to} leads`,
        () => ['-s', '-w', '%{redirect_url}', open(`/redirect?to=${encodeURIComponent(to)}`)],
        0,
      ],
    ),
    ['where a redirect led', () => ['-sLw', '%{redirect_url}', open('/redirect?to=/bytes/9')], 0],
    ['where a 201 does not lead', () => ['-sw', '%{redirect_url}', raw.url('/created')], 0],
    ['the exit code', () => ['-sw', '%{exitcode}', open('/bytes/9')], 0],
    ['the exit code with -f', () => ['-sfw', '%{exitcode}', open('/status/404')], 22],
    [
      'the exit code with --fail-with-body',
      () => ['-s', '--fail-with-body', '-w', '%{exitcode}', open('/status/500')],
      22,
    ],
    [
      'the exit code of a body that breaks off',
      () => ['-sw', '%{exitcode} %{size_download}', raw.url('/short')],
      18,
    ],
    [
      'the status where nobody is',
      () => ['-sw', '%{http_code} %{exitcode} %{url_effective}', 'http://127.0.0.1:1/'],
      7,
    ],
    [
      'the status of no host',
      () => ['-sw', '%{http_code} %{size_download} %{url}', 'https://nowhere.invalid/'],
      6,
    ],
    [
      'the status of what is too slow',
      () => ['-s', '-m', '0.4', '-w', '%{http_code} %{num_redirects}', open('/slow?ms=5000')],
      28,
    ],
    [
      'the status of an upload that is not there',
      () => ['-s', '-T', 'nowhere', '-w', '%{http_code}', open('/')],
      26,
    ],
    ['no status of what was misused', () => ['-sw', '%{http_code}', '-F', 'a', open('/')], 2],
    ['fields', () => ['-sw', '%header{Content-Type} %header{nope}.', open('/bytes/9')], 0],
    [
      'nothing of an unknown variable',
      () => ['-sw', '%{constructor}%{nope}.', open('/bytes/9')],
      0,
    ],
    [
      'the exit code of an output that cannot be written',
      () => ['-s', '-o', 'folder', '-w', '%{exitcode}', open('/')],
      23,
    ],
  ];

  it.each(cases)('%s', async (_name, args, exitCode) => {
    const { ours, theirs } = await both(args());
    expect(theirs.code).toBe(exitCode);
    expect(ours.code).toBe(exitCode);
    expect(ours.bytes.equals(theirs.bytes)).toBe(true);
  });

  it('and names on stderr what --write-out does not have', async () => {
    const { ours } = await both(['-w', '%{constructor}%{nope}%{url}', open('/bytes/9')]);
    expect(ours.stderr).toContain('Warning: --write-out has no %{constructor}, %{nope}.\n');
  });
});

describe.skipIf(!hasCurl)('of what is sent, the origin sees the same as from curl', () => {
  const cases: [name: string, args: () => string[], input?: string][] = [
    ['a form', () => ['-d', 'a=1', '-d', 'b=2']],
    ['a form from a file, its line ends dropped', () => ['-d', '@lines.txt']],
    ['bytes from a file as they are', () => ['--data-binary', '@lines.txt']],
    ['stdin', () => ['--data-binary', '@-'], 'from\nstdin'],
    ['text that only looks like a file', () => ['--data-raw', '@lines.txt']],
    ['percent-encoded text', () => ['--data-urlencode', 'q=a b&c', '--data-urlencode', '=ü']],
    ['JSON', () => ['--json', '{"a":1}']],
    ['a query', () => ['-G', '-d', 'a=1', '-d', 'b=2']],
    ['another method', () => ['-X', 'DELETE']],
    ['a body with another method', () => ['-XPUT', '-d', 'x', '-H', 'Content-Type: text/plain']],
    ['Basic authentication', () => ['-u', 'ada:secret']],
    ['a header', () => ['-H', 'Accept: text/csv']],
  ];

  it.each(cases)('%s', async (_name, args, input) => {
    const { ours, theirs } = await both([...args(), open('/echo')], input ? { input } : {});
    expect(ours.code).toBe(0);
    expect(echoed(ours)).toEqual(echoed(theirs));
  });
});

describe.skipIf(!hasCurl)('on guarded pages, the same as curl with the token', () => {
  const cases: [name: string, args: () => string[]][] = [
    ['a page', () => [guarded('/')]],
    ['a megabyte', () => ['-s', guarded('/bytes/1000000')]],
    ['a 403 of the application', () => ['-sf', guarded('/status/410')]],
    ['a picture', () => ['-s', guarded('/image.png')]],
    ['a redirect within', () => ['-sL', guarded('/redirect?to=/bytes/77')]],
  ];

  it.each(cases)('%s, behind Managed OAuth', async (_name, args) => {
    const { ours, theirs } = await both(args(), { forCurl: ['-H', headers.wiki] });
    expect(ours.code).toBe(theirs.code);
    expect(ours.bytes.equals(theirs.bytes)).toBe(true);
  });

  it('a page and a form, behind a login page', async () => {
    const forCurl = ['-H', headers.dashboard];
    const page = await both(['-s', dashboard('/')], { forCurl });
    expect(page.ours.bytes.equals(page.theirs.bytes)).toBe(true);
    const form = await both(['-s', '-d', 'a=1', dashboard('/echo')], { forCurl });
    expect(echoed(form.ours)).toEqual(echoed(form.theirs));
  });

  it('a page through curl with the configuration that token prints', async () => {
    const { stdout } = await program.run(['token', '--curl-config', guarded('/')]);
    const theirs = await curl(['-s', '--config', '-', guarded('/')], stdout);
    const ours = await program.run(['fetch', guarded('/')]);
    expect(ours.bytes.equals(theirs.bytes)).toBe(true);
  });

  it('the heads of all hops with -i and -L, but for their order', async () => {
    const sorted = ({ stdout }: Run) =>
      stdout
        .split('\r\n')
        .filter((line) => !/^(?:cf-ray|date|connection|keep-alive):/i.test(line))
        .sort();
    const { ours, theirs } = await both(['-sS', '-i', '-L', guarded('/redirect?to=/bytes/5')], {
      forCurl: ['-H', headers.wiki],
    });
    expect(sorted(ours)).toEqual(sorted(theirs));
  });

  it('the same heads in a file or on stdout with -D, of every URL, whatever becomes of the body', async () => {
    const urls = [guarded('/redirect?to=/bytes/5'), guarded('/status/404')];
    const sorted = (heads: string) =>
      heads
        .split('\r\n')
        .filter((line) => !/^(?:cf-ray|date|connection|keep-alive):/i.test(line))
        .sort();
    const forCurl = ['-H', headers.wiki];
    const dumped = () => readFile(join(program.place, 'heads.txt'), 'utf8');
    const args = ['-sfL', '-D', 'heads.txt', '-o', 'one', '-o', 'two', ...urls];
    const theirs = await curl([...forCurl, ...args]);
    const expected = sorted(await dumped());
    const ours = await program.run(['curl', ...args]);
    expect([theirs.code, ours.code]).toEqual([22, 22]);
    expect(sorted(await dumped())).toEqual(expected);
    const onto = ['-sL', '-D', '-', urls[0] ?? ''];
    const printed = await both(onto, { forCurl });
    expect(sorted(printed.ours.stdout)).toEqual(sorted(printed.theirs.stdout));
    const full = await program.run(['curl', '-s', '-D', 'folder', open('/')]);
    expect(full).toMatchObject({ code: 23, stdout: '' });
  });

  it('the head alone with -I', async () => {
    const { ours, theirs } = await both(['-sI', guarded('/')], { forCurl: ['-H', headers.wiki] });
    expect(ours.stdout.split('\r\n')[0]).toBe(theirs.stdout.split('\r\n')[0]);
    expect(ours.stdout.endsWith('\r\n\r\n')).toBe(true);
  });
});

describe('fetch', () => {
  it('has the person sign in where nobody has yet, and gives the page', async () => {
    const fresh = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    const running = fresh.start(['fetch', guarded('/')]);
    await fresh.signIn(sandbox.people[0] ?? '');
    const { code, stdout, stderr } = await running.ended;
    await fresh.remove();
    expect(code).toBe(0);
    expect(stdout).toContain('<h1>Internal wiki</h1>');
    expect(stderr).toContain('Sign in to');
  });

  it('ends with 67, curl’s “login denied”, where Access cannot be got through', async () => {
    const nowhere = sandbox.applications['no-application'].url.href;
    const service = sandbox.applications['service-auth'].url.href;
    const other = sandbox.applications['browser-login-second'].url.href;
    expect((await program.run(['fetch', nowhere])).code).toBe(67);
    expect((await program.run(['fetch', service])).code).toBe(67);
    const fresh = await program.run(['fetch', '--no-sign-in', other], {
      environment: { CF_ACCESS_DATA_DIR: join(program.place, 'other') },
    });
    expect(fresh).toMatchObject({ code: 67, stdout: '' });
    expect(fresh.stderr).toContain(`cloudflare-access-mcp login ${other}`);
  });

  it('says whether a sign-in that nobody has finished ends with it', async () => {
    const fresh = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    // The key of a transfer is never stored; the code of Managed OAuth can be redeemed by any process.
    const transfer = await fresh.run(['fetch', '--wait', '1', dashboard('/')]);
    const code = await fresh.run(['fetch', '--wait', '1', guarded('/')]);
    await fresh.remove();
    expect([transfer.code, code.code]).toEqual([67, 67]);
    expect(transfer.stderr).toContain('This sign-in has ended with this command');
    expect(transfer.stderr).not.toContain('stays open');
    expect(code.stderr).toContain('the sign-in stays open until');
  });

  it('cuts the credential out of what an application echoes, and keeps Access’s cookies back', async () => {
    const { stdout, stderr } = await program.run(['fetch', '-i', '-v', guarded('/echo-all')]);
    const token = headers.wiki.replace(/^.*oauth:/, '');
    expect(stdout + stderr).not.toContain(token);
    expect(stdout).toContain('[redacted]');
    const service = sandbox.applications['service-auth'].url.href;
    const { clientId, clientSecret } = sandbox.serviceToken;
    const answer = await program.run(['fetch', '-i', service], {
      environment: { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret },
    });
    expect(answer.code).toBe(0);
    expect(answer.stdout).not.toMatch(/CF_Authorization/i);
  });

  it('takes a switch of protocols that nobody asked for as no answer', async () => {
    const url = raw.url('/switched');
    const { code, stderr } = await program.run(['fetch', url]);
    expect(code).toBe(52);
    expect(stderr).toContain('UND_ERR_SOCKET');
    expect((await program.run(['login', url])).code).toBe(1);
  });

  it('prints header fields of any name', async () => {
    const { code, stdout } = await program.run(['fetch', '-i', raw.url('/proto')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^__proto__: x, y\r\n/m);
  });

  it('prints a page as Markdown with --markdown, and what is none as it is', async () => {
    const { code, stdout } = await program.run(['fetch', '--markdown', guarded('/')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# Internal wiki\n/);
    expect(stdout).not.toMatch(/<\w/);
    const large = await program.run(['fetch', '-s', '--markdown', raw.url('/page')]);
    expect(large.stdout).toBe(`# Page\n\n${Array(4000).fill('Some **words**.\n').join('\n')}`);
    const { headers } = JSON.parse(
      (await program.run(['fetch', '--markdown', open('/echo')])).stdout,
    );
    expect(headers.accept).toMatch(/^text\/markdown,/);
  });

  it('cuts it out of an answer that is encoded unasked, too', async () => {
    const seen: string[] = [];
    const app = await startHostileApplication({
      page: ({ headers }) => {
        const token = (headers.authorization ?? '').replace(/^Bearer /, '');
        seen.push(token);
        return { headers: { 'content-encoding': 'gzip' }, body: gzipSync(`token: ${token}\n`) };
      },
    });
    try {
      const before = (await program.opened()).length;
      const running = program.start(['fetch', app.at('/page')], {
        environment: { CF_ACCESS_HOSTS: 'localhost' },
      });
      await fetch(await eventually(async () => (await program.opened())[before]));
      const { stdout } = await running.ended;
      expect(stdout).toBe('token: [redacted]\n');
      expect(seen.at(-1)).toMatch(/^oauth:/);
    } finally {
      await app.close();
    }
  });

  it('refuses -k, http elsewhere and headers of Access, before the network', async () => {
    const insecure = await program.run(['fetch', '-k', open('/')]);
    expect(insecure).toMatchObject({ code: 2, stdout: '' });
    expect(insecure.stderr).toContain('NODE_EXTRA_CA_CERTS');
    expect((await program.run(['fetch', 'http://example.com/'])).code).toBe(1);
    const field = await program.run(['fetch', '-H', 'CF-Access-Token: x', open('/')]);
    expect(field.code).toBe(2);
  });

  it('ends with 3 for credentials in the URL that are not percent-encoded, and says how to write them', async () => {
    for (const user of ['50%:hunter2', 'hunter2:50%', '%ff:hunter2']) {
      const url = open('/').replace('://', `://${user}@`);
      const { code, stdout, stderr } = await program.run(['fetch', url]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toMatch(/percent sign as %25, or give both with --user/);
      expect(stderr).not.toMatch(/hunter2|URIError/);
    }
    const url = open('/echo').replace('://', '://50%25:x@');
    const { stdout } = await program.run(['fetch', '-s', url]);
    expect(JSON.parse(stdout).headers.authorization).toBe(`Basic ${btoa('50%:x')}`);
  });

  it('asks the proxy that HTTPS_PROXY names without a scheme', async () => {
    const asked: string[] = [];
    const proxy = createProxy().on('connect', ({ url = '' }, socket) => {
      asked.push(url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const { code } = await program.run(['fetch', '-s', 'https://app.internal.example/'], {
      environment: { HTTPS_PROXY: `127.0.0.1:${port}` },
    });
    proxy.close();
    expect(asked).toEqual(['app.internal.example:443']);
    expect(code).toBe(56);
  });

  it('ends with 26 when its input cannot be read', async () => {
    const { code, stderr } = await program.run(['fetch', '-d', '@missing', open('/echo')]);
    expect(code).toBe(26);
    expect(stderr).toContain('"missing" cannot be read (ENOENT)');
  });

  it('is silent with -s, and tells errors all the same with -S', async () => {
    // Hosts that are named without a service token are warned of at every start.
    const environment = { CF_ACCESS_HOSTS: '' };
    const quiet = await program.run(['fetch', '-s', 'http://127.0.0.1:1/'], { environment });
    expect(quiet).toMatchObject({ code: 7, stdout: '', stderr: '' });
    const told = await program.run(['fetch', '-sS', 'http://127.0.0.1:1/']);
    expect(told.stderr).toContain('(7)');
  });

  it('writes over a file with -o, as the person wants it', async () => {
    const file = join(program.place, 'out');
    await writeFile(file, 'x'.repeat(5000));
    expect((await program.run(['fetch', '-s', '-o', 'out', open('/bytes/100')])).code).toBe(0);
    expect(await readFile(file)).toHaveLength(100);
  });

  it('leaves a file alone with -f, when there is no body for it', async () => {
    await writeFile(join(program.place, 'kept'), 'kept');
    const { code } = await program.run(['fetch', '-sf', '-o', 'kept', open('/status/404')]);
    expect(code).toBe(22);
    expect(await readFile(join(program.place, 'kept'), 'utf8')).toBe('kept');
  });

  it('ends with 23 when its reader leaves', async () => {
    const running = program.start(['fetch', open('/bytes/50000000')]);
    running.child.stdout?.once('data', () => running.child.stdout?.destroy());
    expect((await running.ended).code).toBe(23);
  });

  it.runIf(process.platform === 'linux')('streams in constant memory', async () => {
    const running = program.start(['fetch', '-s', guarded('/bytes/400000000')]);
    let size = 0;
    let highest = 0;
    running.child.stdout?.removeAllListeners('data');
    for await (const chunk of running.child.stdout ?? []) {
      size += chunk.length;
      if (size < 390_000_000) continue;
      const status = await readFile(`/proc/${running.child.pid}/status`, 'utf8').catch(() => '');
      highest = Math.max(highest, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
    }
    expect((await running.ended).code).toBe(0);
    expect(size).toBe(400_000_000);
    expect(highest).toBeGreaterThan(0);
    expect(highest).toBeLessThan(250_000);
  });
});
