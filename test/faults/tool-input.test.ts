/** Faults in what the agent says: it may have been told to say so by a page (contract §2, §4.1). */
import { execFileSync } from 'node:child_process';
import { access, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { metadataPath } from '../support/hostile-application.ts';
import { matrix, type Row, type World } from '../support/hostile-matrix.ts';

const cwd = await realpath(await mkdtemp(join(tmpdir(), 'tool-input-')));
const outside = await realpath(await mkdtemp(join(tmpdir(), 'tool-input-outside-')));
await writeFile(join(outside, 'private'), 'private words');
await symlink(join(outside, 'private'), join(cwd, 'link'));
execFileSync('mkfifo', [join(cwd, 'pipe')]);

/** A call with arguments that name an origin of the row's own, which then must not have been asked. */
function refused(
  fault: string,
  code: string,
  args: (at: string, world: World) => Record<string, unknown>,
  tool = 'access_fetch',
): Row {
  return {
    fault,
    code,
    run: async (world) => {
      const origin = await world.origin();
      const answer = await world.call(tool, args(origin.origin, world));
      return { answer, far: () => expect(origin.seen).toEqual([]) };
    },
  };
}

const refusedHeader = (name: string, value = 'x', code = 'header_not_allowed') =>
  refused(`the header ${JSON.stringify(name)}: ${JSON.stringify(value)}`, code, (at) => ({
    url: at,
    headers: { [name]: value },
  }));

const rows: Row[] = [
  refused('a file: URL', 'invalid_input', () => ({ url: 'file:///etc/passwd' })),
  refused('a javascript: URL', 'invalid_input', () => ({ url: 'javascript:alert(1)' })),
  refused('a URL with a user name in it', 'invalid_input', (at) => ({
    url: at.replace('//', '//user:password@'),
  })),
  refused('a URL that is longer than any server takes', 'invalid_input', (at) => ({
    url: `${at}/${'x'.repeat(9_000)}`,
  })),
  refused('http to a host of the network (contract §4.1)', 'https_required', () => ({
    url: 'http://192.0.2.1/',
  })),
  refused('http to a name that only begins like loopback', 'https_required', () => ({
    url: 'http://127.0.0.1.evil.example/',
  })),
  refused('http to a name that ends like loopback', 'https_required', () => ({
    url: 'http://evil-localhost/',
  })),
  refused('http to localhost with a trailing dot, another name to DNS', 'https_required', (at) => ({
    url: at.replace('localhost', 'localhost.'),
  })),
  refused('http to 0.0.0.0', 'https_required', (at) => ({
    url: at.replace('localhost', '0.0.0.0'),
  })),
  refused('an argument that no tool has', 'invalid_input', (at) => ({
    url: at,
    followRedirects: true,
  })),
  refused('a URL that is a number', 'invalid_input', () => ({ url: 42 })),
  refused('a max_length beyond what a host takes', 'invalid_input', (at) => ({
    url: at,
    max_length: 1e9,
  })),
  refused('a method with a line break', 'invalid_input', (at) => ({
    url: at,
    method: 'GET\r\nX-Evil: 1',
  })),
  refused('TRACE, which echoes credentials', 'invalid_input', (at) => ({
    url: at,
    method: 'TRACE',
  })),
  refused('CONNECT in lower case', 'invalid_input', (at) => ({ url: at, method: 'connect' })),
  refused('two bodies', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body: 'a',
    body_base64: 'YQ==',
  })),
  refused('a body that is no base64', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body_base64: 'a*b',
  })),
  refused('a body from a file outside the working directory', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body_file: join(outside, 'private'),
  })),
  refused('a body from a path that climbs', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body_file: '../../../../etc/passwd',
  })),
  refused('a body from a link that leads outside', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body_file: 'link',
  })),
  refused('a body from a FIFO, which would never end', 'invalid_input', (at) => ({
    url: at,
    method: 'POST',
    body_file: 'pipe',
  })),
  refusedHeader('CF-Access-Client-Id'),
  refusedHeader('cf_access_client_secret'),
  refusedHeader('cf-access-token'),
  refusedHeader('Host', 'internal.example'),
  refusedHeader('Proxy-Authorization', 'Basic eDp5'),
  refusedHeader('Transfer-Encoding', 'chunked'),
  refusedHeader('Cookie', 'theme=dark; CF_Authorization=x'),
  refusedHeader('Cookie', 'theme="; CF_AppSession=x"'),
  refusedHeader('X-Any', 'a\r\nCF-Access-Client-Id: b', 'invalid_input'),
  refusedHeader('X Any', 'a', 'invalid_input'),
  refused(
    'a callback_url on another host whose state is nobody’s: hosts are forwarded, state decides',
    'sign_in_expired',

    () => ({
      url: 'https://app.example.com/',
      callback_url: 'https://evil.example/callback?code=a&state=b',
    }),
    'authenticate',
  ),
  refused(
    'a callback_url whose state is nobody’s (contract §4.5)',
    'sign_in_expired',
    (at) => ({ url: at, callback_url: 'http://localhost:8400/callback?code=a&state=b' }),
    'authenticate',
  ),
  {
    fault: 'an Authorization of the agent’s own where ours travels in it (Managed OAuth)',
    code: 'header_not_allowed',
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      app.seen.length = 0;
      const answer = await world.call('access_fetch', {
        url: app.at('/'),
        headers: { authorization: 'Bearer mine' },
      });
      const far = () => {
        // Nothing proves the application, so nobody is asked to sign in to it by browser transfer.
        expect(app.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
          'GET /',
          `GET ${metadataPath}/`,
          'HEAD /',
        ]);
        expect(app.seen.map(({ headers }) => headers.authorization)).toEqual([
          'Bearer mine',
          undefined,
          undefined,
        ]);
      };
      return { answer, far };
    },
  },
  {
    fault: 'another name of the same machine: a session is of one origin (contract §4.2)',
    code: 'sign_in_required',
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      app.seen.length = 0;
      app.twists.challenge = () => ({
        status: 401,
        headers: {
          'www-authenticate': `Bearer resource_metadata="http://127.0.0.1:${app.port}/.well-known/cloudflare-access-protected-resource/"`,
        },
      });
      app.twists.resourceMetadata = () => ({
        json: {
          resource: `http://127.0.0.1:${app.port}`,
          authorization_servers: [app.origin],
        },
      });
      const answer = await world.call('access_fetch', {
        url: `http://2130706433:${app.port}/`,
        sign_in: false,
      });
      return {
        answer,
        far: () => expect(app.seen.filter(({ headers }) => headers.authorization)).toEqual([]),
      };
    },
  },
  {
    fault: 'a URL made to break out of the curl line of get_token',
    code: null,
    run: async (world) => {
      const app = await world.app();
      await world.signIn(app);
      const answer = await world.call('get_token', {
        url: app.at(`/'$(touch\${IFS}${cwd}/broken)'\`touch ${cwd}/broken\``),
        as: 'file',
      });
      // Not curl, but a program that shows its arguments: the shell's part is what is at stake.
      const line = String(answer.json.curl).replace(/^curl /, 'printf "%s\\n" ');
      const out = execFileSync('sh', ['-c', line], { encoding: 'utf8' }).trim().split('\n');
      return {
        answer,
        far: async () => {
          expect(out).toHaveLength(3);
          await expect(access(join(cwd, 'broken'))).rejects.toThrow();
        },
      };
    },
  },
  {
    fault: 'header names that JavaScript knows as something else',
    code: null,
    run: async (world) => {
      const origin = await world.origin();
      const answer = await world.call('access_fetch', {
        url: origin.origin,
        headers: { constructor: 'a', tostring: 'b' },
      });
      return {
        answer,
        far: () =>
          expect(origin.seen[0]?.headers).toMatchObject({ constructor: 'a', tostring: 'b' }),
      };
    },
  },
];

matrix('tool input', rows, () => ({ cwd }));

afterAll(async () => {
  await rm(cwd, { recursive: true });
  await rm(outside, { recursive: true });
});
