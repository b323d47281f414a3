/** Against Debian's nginx and squid, where they are installed; CI installs them. */
import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { createSend } from '../../src/http/send.ts';
import { htmlToMarkdown } from '../../src/page/markdown.ts';
import { certificateFor, temporaryFolder } from '../files/folders.ts';
import { inTime } from '../support/in-time.ts';
import { origin } from './origin.ts';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
const squid = ['/usr/sbin/squid', '/usr/bin/squid'].find(existsSync);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs the program until the test ends; resolves when its port takes connections. */
async function run(program: string, args: string[], port: number): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    // Not killed outright: squid leaves shared memory behind then.
    child.kill('SIGTERM');
    await ended;
  });
  for (const until = Date.now() + 20_000; ; ) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () =>
        resolve(false),
      );
      socket.on('connect', () => socket.destroy());
    });
    if (up) return;
    if (Date.now() > until || child.exitCode !== null) throw new Error(`${program} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startNginx(): Promise<{ url: URL; files: string }> {
  const folder = temporaryFolder();
  const files = path.join(folder, 'files');
  mkdirSync(files);
  const port = await freePort();
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      default_type application/octet-stream; types { text/html html; text/plain txt; } access_log off;
      client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3; uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
      gzip on; gzip_types text/plain; gzip_min_length 100; sendfile on;
      server { listen 127.0.0.1:${port}; root ${files}; autoindex on; add_header x-connection $connection; }
    }`,
  );
  await run(
    nginx as string,
    ['-c', path.join(folder, 'nginx.conf'), '-p', folder, '-e', path.join(folder, 'error.log')],
    port,
  );
  return { url: new URL(`http://127.0.0.1:${port}/`), files };
}

function sender(settings = {}) {
  const dispatcher = createDispatcher(settings);
  onTestFinished(() => dispatcher.destroy());
  return createSend(dispatcher);
}

describe.skipIf(!nginx)('nginx (skipped where it is not installed)', () => {
  test('gzip, ranges, a 1 MiB file and its listing, over one connection', async () => {
    const { url, files } = await startNginx();
    const send = sender();
    const large = Buffer.alloc(1024 * 1024, 'abcdefgh');
    writeFileSync(path.join(files, 'large.bin'), large);
    writeFileSync(path.join(files, 'notes & more.txt'), 'words '.repeat(1000));
    const connections = new Set<string | null>();
    const get = async (name: string, headers: [string, string][] = []) => {
      const answer = await send({
        method: 'GET',
        url: new URL(name, url),
        signal: inTime(),
        headers,
      });
      connections.add(answer.headers.get('x-connection'));
      const body = await readBody(answer, { maxBytes: 4e6 });
      await new Promise((resolve) => setImmediate(resolve));
      return { answer, bytes: body.bytes };
    };
    const zipped = await get('notes%20&%20more.txt');
    expect(zipped.answer.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.bytes.toString()).toBe('words '.repeat(1000));
    expect((await get('large.bin')).bytes.equals(large)).toBe(true);
    const part = await get('large.bin', [['range', 'bytes=8-15']]);
    expect([part.answer.status, part.bytes.toString()]).toEqual([206, 'abcdefgh']);
    const { markdown } = htmlToMarkdown((await get('')).bytes.toString(), { url });
    expect(markdown).toMatch(/^# Index of \/\n/);
    expect(markdown).toContain(`- [large.bin](${url}large.bin) `);
    expect(markdown).toContain(`- [notes & more.txt](${url}notes%20%26%20more.txt) `);
    expect(connections.size).toBe(1);
  });

  test.skipIf(!existsSync('/proc/self/status'))(
    'saving 256 MiB takes less than 24 MiB of memory',
    async () => {
      const { url, files } = await startNginx();
      const folder = temporaryFolder();
      const size = Number(process.env.SAVE_TEST_MIB ?? 256) * 1024 ** 2;
      writeFileSync(path.join(files, 'warm'), Buffer.alloc(32 * 1024 ** 2));
      const block = Buffer.alloc(16 * 1024 ** 2, 'binary data ');
      for (let at = 0; at < size; at += block.length)
        writeFileSync(path.join(files, 'large'), block, { flag: 'a' });
      const script = path.join(folder, 'save.mjs');
      // The thread that makes the SHA-256 of a large file is looked for beside the program.
      const worker = new URL('../../dist/hash-worker.js', import.meta.url);
      copyFileSync(worker, path.join(folder, 'hash-worker.js'));
      await build({
        entryPoints: [path.join(import.meta.dirname, 'children/save.ts')],
        outfile: script,
        bundle: true,
        platform: 'node',
        format: 'esm',
        banner: {
          js: "import{createRequire as c}from'node:module';const require=c(import.meta.url);",
        },
      });
      const { stdout } = await promisify(execFile)(process.execPath, [
        script,
        new URL('large', url).href,
        new URL('warm', url).href,
        folder,
      ]);
      const result = JSON.parse(stdout);
      if (process.env.SAVE_TEST_MIB) process.stderr.write(`${stdout}\n`);
      expect(result.bytes).toBe(size);
      expect(result.grown).toBeLessThan(24 * 1024 ** 2);
    },
    120_000,
  );
});

describe.skipIf(!squid)('squid (skipped where it is not installed)', () => {
  async function startSquid(port443: number): Promise<{ proxy: string; log: () => string }> {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(
      path.join(folder, 'squid.conf'),
      `
http_port 127.0.0.1:${port}
acl CONNECT method CONNECT
acl tls_port port ${port443}
http_access deny CONNECT !tls_port
http_access allow all
pid_filename none
access_log stdio:${folder}/access.log
cache_log ${folder}/cache.log
cache deny all
coredump_dir ${folder}
netdb_filename none
shutdown_lifetime 0 seconds
logfile_rotate 0
hosts_file ${folder}/hosts
`,
    );
    // Started as root, squid becomes a user of its own, which has to get at its files.
    chmodSync(folder, 0o777);
    // Names that are not loopback to us, and lead to loopback through the proxy.
    writeFileSync(
      path.join(folder, 'hosts'),
      '127.0.0.1 app.internal.example plain.internal.example\n',
    );
    await run(
      squid as string,
      ['-N', '-n', `t${port}`, '-f', path.join(folder, 'squid.conf')],
      port,
    );
    const access = path.join(folder, 'access.log');
    return {
      proxy: `127.0.0.1:${port}`,
      log: () => (existsSync(access) ? readFileSync(access, 'utf8') : ''),
    };
  }
  async function tlsOrigin(): Promise<number> {
    const { key, cert } = certificateFor('app.internal.example');
    const server = createTlsServer({ key, cert }, (_request, response) => response.end('secure'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }
  async function until(condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 5000; !condition(); ) {
      if (Date.now() > end) throw new Error('not in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('https goes through CONNECT, http as absolute-form, loopback and NO_PROXY directly', async () => {
    const tlsPort = await tlsOrigin();
    const { proxy, log } = await startSquid(tlsPort);
    const plain = await origin((request, response) => response.end(request.headers.host));
    const settings = { http: `http://${proxy}`, https: proxy, no: 'direct.example, 10.0.0.0/8' };
    const send = sender(settings);
    const get = (url: string | URL) =>
      send({ method: 'GET', url: new URL(url), signal: inTime(), headers: [] })
        .then((answer) => readBody(answer, { maxBytes: 1000 }))
        .then(({ bytes }) => bytes.toString());
    // The tunnel is made, and the certificate behind it is checked as ever.
    await expect(get(`https://app.internal.example:${tlsPort}/`)).rejects.toMatchObject({
      code: 'tls_untrusted',
    });
    await until(() => log().includes(`CONNECT app.internal.example:${tlsPort}`));
    expect(await get(`http://plain.internal.example:${plain.port}/x`)).toBe(
      `plain.internal.example:${plain.port}`,
    );
    await until(() => log().includes(`GET http://plain.internal.example:${plain.port}/x`));
    expect(await get(plain)).toBe(plain.host);
    await expect(get('http://direct.example:9/')).rejects.toMatchObject({ code: 'network_error' });
    expect(log()).not.toContain(plain.host);
    expect(log()).not.toContain('direct.example');
  }, 60_000);

  test('a proxy that refuses is named as the cause', async () => {
    const { proxy } = await startSquid(1);
    await expect(
      sender({ https: proxy })({
        method: 'GET',
        url: new URL('https://app.internal.example:444/'),
        signal: inTime(),
        headers: [],
      }),
    ).rejects.toMatchObject({
      code: 'network_error',
      message: expect.stringMatching(/proxy refused.*403/),
    });
  }, 60_000);
});
