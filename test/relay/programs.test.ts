/** Other people's programs through `forward`, each as it comes from Debian or npm (README, recipes). */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import { hasChromium, startChromium } from '../support/chromium.ts';
import { has, keepRunning, listens, nginx, startNginx } from '../support/debian-programs.ts';
import { type Forwarding, startForward } from '../support/forwarding.ts';
import { type GuardedEdge, passTo, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { startHostileOrigin } from '../support/hostile-origin.ts';
import { eventually } from '../support/mcp-server.ts';

const execute = promisify(execFile);
const fcgiwrap = has('/usr/sbin/fcgiwrap', '/usr/bin/fcgiwrap');
const httpBackend = has('/usr/lib/git-core/git-http-backend');
const gitLfs = has('/usr/bin/git-lfs');
const dockerRegistry = has('/usr/bin/docker-registry');
const skopeo = has('/usr/bin/skopeo');

let program: Program;
let edge: GuardedEdge;
let forward: Forwarding | undefined;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(async () => {
  await forward?.end();
  forward = undefined;
  await edge?.close();
  await program.remove();
});

/** In the test's folder, with nothing of this machine's user. */
async function run(command: string, args: readonly string[], cwd = program.place) {
  return execute(command, [...args], {
    cwd,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: program.place,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    },
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** The first request makes the browser open; the person signs in while the program waits. */
async function signInOnce(): Promise<void> {
  await visit(await eventually(async () => (await program.opened())[0]));
}

describe.skipIf(!nginx || !fcgiwrap || !httpBackend)(
  'git, from git-http-backend behind nginx (skipped without nginx and fcgiwrap)',
  () => {
    async function gitServer(): Promise<number> {
      const place = join(program.place, 'server');
      await mkdir(join(place, 'repositories'), { recursive: true });
      const repository = join(place, 'repositories', 'project.git');
      await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository]);
      await run('git', ['config', 'http.receivepack', 'true'], repository);
      const port = await freePort();
      const socket = join(place, 'fcgi');
      keepRunning(fcgiwrap as string, ['-s', `unix:${socket}`], {
        env: { PATH: process.env.PATH ?? '', HOME: program.place },
      });
      await startNginx(
        place,
        port,
        `location / {
          fastcgi_pass unix:${socket};
          fastcgi_param SCRIPT_FILENAME ${httpBackend};
          fastcgi_param GIT_PROJECT_ROOT ${place}/repositories;
          fastcgi_param GIT_HTTP_EXPORT_ALL "";
          fastcgi_param PATH_INFO $uri;
          fastcgi_param QUERY_STRING $query_string;
          fastcgi_param REQUEST_METHOD $request_method;
          fastcgi_param CONTENT_TYPE $content_type;
          fastcgi_param CONTENT_LENGTH $content_length;
          fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
          fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
          fastcgi_param REMOTE_USER ada;
        }`,
      );
      await eventually(async () => (await stat(socket).catch(() => undefined)) && true);
      return port;
    }

    it('clones, and pushes more than fits into one buffer', async () => {
      edge = await startGuardedEdge(passTo(await gitServer()));
      forward = await startForward(program, edge.origin);
      const cloning = run('git', ['clone', `${forward.local}/project.git`, 'work']);
      await signInOnce();
      await cloning;
      const work = join(program.place, 'work');
      const large = randomBytes(5_000_000);
      await writeFile(join(work, 'large'), large);
      await run('git', ['add', '.'], work);
      await run('git', ['commit', '--quiet', '--message', 'large'], work);
      edge.requests.length = 0;
      await run('git', ['push', '--quiet', 'origin', 'HEAD:main'], work);
      const pushed = edge.requests.filter(({ method }) => method === 'POST');
      expect(pushed.map(({ headers }) => headers['transfer-encoding'])).toContain('chunked');
      expect(edge.requests.every(({ admitted }) => admitted)).toBe(true);
      await run('git', ['clone', '--quiet', `${forward.local}/project.git`, 'again']);
      expect((await readFile(join(program.place, 'again', 'large'))).equals(large)).toBe(true);
      expect(await program.opened()).toHaveLength(1);
    });

    it('goes on when the token has expired before a large push', async () => {
      edge = await startGuardedEdge(passTo(await gitServer()));
      forward = await startForward(program, edge.origin);
      const cloning = run('git', ['clone', `${forward.local}/project.git`, 'work']);
      await signInOnce();
      await cloning;
      const work = join(program.place, 'work');
      await writeFile(join(work, 'large'), randomBytes(3_000_000));
      await run('git', ['add', '.'], work);
      await run('git', ['commit', '--quiet', '--message', 'large'], work);
      edge.expire();
      // git asks for the references first: that request meets the challenge.
      await run('git', ['push', '--quiet', 'origin', 'HEAD:main'], work);
      expect(await program.opened()).toHaveLength(1);
    });

    it('shows git what a person has to do, when nobody signs in', async () => {
      edge = await startGuardedEdge(passTo(await gitServer()));
      forward = await startForward(program, edge.origin, ['--wait', '0.5']);
      const failure = (await run('git', ['clone', `${forward.local}/project.git`]).catch(
        (error: unknown) => error,
      )) as { stderr: string };
      expect(failure.stderr).toMatch(/remote: .*waiting for a person to sign in/);
      expect(failure.stderr).toMatch(/remote: Sign in at http:\/\/localhost/);
      expect(failure.stderr).toContain('503');
    });

    it.skipIf(!gitLfs)(
      'stores and fetches large files with git-lfs, whose addresses name the origin',
      async () => {
        const port = await gitServer();
        const objects = new Map<string, Buffer>();
        const { onRequest } = passTo(port);
        edge = await startGuardedEdge({
          onRequest(request, response) {
            const url = request.url ?? '';
            const parts: Buffer[] = [];
            const withBody = (work: (body: Buffer) => void) =>
              request
                .on('data', (part) => parts.push(part))
                .on('end', () => work(Buffer.concat(parts)));
            const oid = /^\/objects\/([0-9a-f]{64})$/.exec(url)?.[1];
            if (url.endsWith('/info/lfs/objects/batch')) {
              withBody((body) => {
                const asked = JSON.parse(body.toString());
                response.setHeader('content-type', 'application/vnd.git-lfs+json');
                const href = (each: string) => `${edge.origin}/objects/${each}`;
                response.end(
                  JSON.stringify({
                    transfer: 'basic',
                    objects: asked.objects.map((one: { oid: string; size: number }) => ({
                      ...one,
                      authenticated: true,
                      actions: { [asked.operation]: { href: href(one.oid) } },
                    })),
                  }),
                );
              });
            } else if (oid !== undefined && request.method === 'PUT') {
              withBody((body) => {
                objects.set(oid, body);
                response.end();
              });
            } else if (oid !== undefined) response.end(objects.get(oid));
            else onRequest?.(request, response);
          },
        });
        forward = await startForward(program, edge.origin);
        // The recipe: what the server calls itself is asked at the local address.
        await run('git', [
          'config',
          '--global',
          `url.${forward.local}/.insteadOf`,
          `${edge.origin}/`,
        ]);
        await run('git', ['config', '--global', 'lfs.transfer.enablehrefrewrite', 'true']);
        await run('git', ['config', '--global', 'lfs.locksverify', 'false']);
        await run('git', ['lfs', 'install', '--skip-repo']);
        const cloning = run('git', ['clone', `${edge.origin}/project.git`, 'work']);
        await signInOnce();
        await cloning;
        const work = join(program.place, 'work');
        const large = randomBytes(4_000_000);
        await run('git', ['lfs', 'track', '*.bin'], work);
        await writeFile(join(work, 'large.bin'), large);
        await run('git', ['add', '.'], work);
        await run('git', ['commit', '--quiet', '--message', 'large'], work);
        await run('git', ['push', '--quiet', 'origin', 'HEAD:main'], work);
        expect([...objects.keys()]).toEqual([createHash('sha256').update(large).digest('hex')]);
        await run('git', ['clone', '--quiet', `${edge.origin}/project.git`, 'again']);
        expect((await readFile(join(program.place, 'again', 'large.bin'))).equals(large)).toBe(
          true,
        );
        const uploads = edge.requests.filter(({ target }) => target.startsWith('/objects/'));
        expect(uploads).toHaveLength(2);
        expect(uploads.every(({ admitted }) => admitted)).toBe(true);
      },
    );
  },
);

describe('npm', () => {
  /** `npm pack`ed from a package of the test's own. */
  async function makePackage(): Promise<Buffer> {
    const folder = join(program.place, 'package');
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{"name":"inner-package","version":"1.2.3"}');
    await writeFile(join(folder, 'index.js'), 'module.exports = 42;\n');
    await run('npm', ['pack', '--silent', '--offline'], folder);
    const name = (await readdir(folder)).find((each) => each.endsWith('.tgz')) ?? '';
    return readFile(join(folder, name));
  }

  it('installs from a registry behind a login page, whose tarballs name the origin', async () => {
    const tarball = await makePackage();
    const sandbox: Sandbox = await startSandbox({
      fault({ host, what, url }) {
        if (host !== 'browser-login' || what !== 'origin') return undefined;
        if (url.endsWith('.tgz')) {
          const headers = { 'content-type': 'application/octet-stream' };
          return { status: 200, headers, body: tarball };
        }
        if (url !== '/inner-package') return { status: 404, body: '{}' };
        const { origin } = sandbox.applications['browser-login'].url;
        const dist = {
          tarball: `${origin}/inner-package/-/inner-package-1.2.3.tgz`,
          integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
        };
        const versions = { '1.2.3': { name: 'inner-package', version: '1.2.3', dist } };
        return {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            name: 'inner-package',
            'dist-tags': { latest: '1.2.3' },
            versions,
          }),
        };
      },
    });
    onTestFinished(() => sandbox.close());
    const { origin } = sandbox.applications['browser-login'].url;
    forward = await startForward(program, origin, [], {
      environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
    });
    const project = join(program.place, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{"name":"project","private":true}');
    await writeFile(
      join(project, '.npmrc'),
      `registry=${forward.local}/\nreplace-registry-host=always\naudit=false\nfund=false\nupdate-notifier=false\ncache=${program.place}/cache\n`,
    );
    const installing = run('npm', ['install', 'inner-package'], project);
    await program.signIn(sandbox.people[0] ?? '');
    await installing;
    const installed = join(project, 'node_modules', 'inner-package', 'index.js');
    expect(await readFile(installed, 'utf8')).toContain('42');
    const fetched = sandbox.requests.filter(({ url }) => url.endsWith('.tgz'));
    expect(fetched).toHaveLength(1);
    expect(fetched[0]?.headers).toHaveProperty('cf-access-token');
  });
});

describe.skipIf(!dockerRegistry || !skopeo)(
  'a Docker registry (skipped without docker-registry and skopeo)',
  () => {
    it('takes an image from skopeo and gives it back; its API answers curl', async () => {
      const port = await freePort();
      const configuration = join(program.place, 'registry.yml');
      await writeFile(
        configuration,
        `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${program.place}/registry\nhttp:\n  addr: 127.0.0.1:${port}\n`,
      );
      keepRunning(dockerRegistry as string, ['serve', configuration]);
      await listens(port);
      edge = await startGuardedEdge(passTo(port));
      forward = await startForward(program, edge.origin);
      const image = join(program.place, 'image');
      const layer = await makeImage(image);
      const reference = `docker://127.0.0.1:${forward.port}/team/image:1`;
      const policy = ['--insecure-policy'];
      const copying = run('skopeo', [
        ...policy,
        'copy',
        '--dest-tls-verify=false',
        `dir:${image}`,
        reference,
      ]);
      await signInOnce();
      await copying;
      const back = join(program.place, 'back');
      await run('skopeo', [...policy, 'copy', '--src-tls-verify=false', reference, `dir:${back}`]);
      const { layers } = JSON.parse(await readFile(join(back, 'manifest.json'), 'utf8'));
      // skopeo has compressed it on its way there.
      const name = String(layers[0].digest).replace('sha256:', '');
      expect(gunzipSync(await readFile(join(back, name))).equals(layer)).toBe(true);
      const { stdout } = await run('curl', [
        '--silent',
        '--fail',
        `${forward.local}/v2/team/image/tags/list`,
      ]);
      expect(JSON.parse(stdout)).toEqual({ name: 'team/image', tags: ['1'] });
      expect(await program.opened()).toHaveLength(1);
    });

    /** In skopeo's `dir:` form; gives its one layer. */
    async function makeImage(folder: string): Promise<Buffer> {
      await mkdir(folder);
      const put = async (content: Buffer | string) => {
        const digest = createHash('sha256').update(content).digest('hex');
        await writeFile(join(folder, digest), content);
        return { digest: `sha256:${digest}`, size: Buffer.byteLength(content) };
      };
      const content = randomBytes(3_000_000);
      const layer = await put(content);
      const config = await put(
        JSON.stringify({
          architecture: 'amd64',
          os: 'linux',
          config: {},
          rootfs: { type: 'layers', diff_ids: [layer.digest] },
        }),
      );
      const kind = 'application/vnd.docker';
      await writeFile(
        join(folder, 'manifest.json'),
        JSON.stringify({
          schemaVersion: 2,
          mediaType: `${kind}.distribution.manifest.v2+json`,
          config: { mediaType: `${kind}.container.image.v1+json`, ...config },
          layers: [{ mediaType: `${kind}.image.rootfs.diff.tar`, ...layer }],
        }),
      );
      await writeFile(join(folder, 'version'), 'Directory Transport Version: 1.1\n');
      return content;
    }
  },
);

describe.skipIf(!hasChromium)('Playwright (skipped without /usr/bin/chromium)', () => {
  it('sees the application as its own users do: cookies, redirects, fetch, events, WebSocket', async () => {
    const page = `<!doctype html><title>app</title><ol></ol><script type="module">
      const tell = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
      tell('cookie ' + document.cookie);
      tell('fetched ' + await (await fetch('/api', { method: 'POST', body: 'x' })).text());
      new EventSource('/events').onmessage = ({ data }) => tell('event ' + data);
      const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket');
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => tell('socket ' + data);
    </script>`;
    edge = await startGuardedEdge({
      onRequest(request, response) {
        switch (request.url) {
          case '/':
            response.writeHead(302, {
              location: `${edge.origin}/app`,
              'set-cookie': [
                'seen=1; Path=/; Secure; SameSite=None; Domain=localhost',
                '__Host-session=secret; Path=/; Secure; HttpOnly',
              ],
            });
            return void response.end();
          case '/app':
            response.writeHead(200, {
              'content-type': 'text/html',
              'content-security-policy':
                "default-src 'self' 'unsafe-inline'; connect-src 'self' ws:",
              'strict-transport-security': 'max-age=31536000',
            });
            return void response.end(page);
          case '/api':
            return void response.end(`${request.headers.origin} ${request.headers.cookie}`);
          case '/events':
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            return void response.write('data: first\n\n');
          default:
            response.writeHead(404).end();
        }
      },
      onUpgrade(request, socket) {
        const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        const accept = createHash('sha1').update(key).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.once('data', () => {
          const text = Buffer.from(request.headers.origin ?? '');
          socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
        });
      },
    });
    forward = await startForward(program, edge.origin);
    const browser = await startChromium();
    onTestFinished(() => browser.close());
    const tab = await browser.newPage();
    const opening = tab.goto(forward.local);
    await signInOnce();
    await opening;
    expect(tab.url()).toBe(`${forward.local}/app`);
    const items = tab.locator('li');
    await items.nth(3).waitFor();
    const texts = await items.allTextContents();
    expect(texts).toContain('event first');
    expect(texts).toContain(`socket ${edge.origin}`);
    expect(texts).toContain(`fetched ${edge.origin} seen=1; __Host-session=secret`);
    expect(texts[0]).toContain('seen=1');
    // A page elsewhere has nothing of it, not even another port of this machine.
    const other = await browser.newPage();
    const stranger = await startHostileOrigin();
    onTestFinished(() => stranger.close());
    await other.goto(stranger.at('/'));
    edge.requests.length = 0;
    const refused = await other.evaluate(
      (url) =>
        fetch(url, { mode: 'no-cors' }).then(
          ({ type }) => type,
          () => 'failed',
        ),
      `${forward.local}/api`,
    );
    expect(['opaque', 'failed']).toContain(refused);
    await sleep(100);
    expect(edge.requests).toEqual([]);
  });
});
