/** The environment, from the outside: what ends the start, in which words, and what does not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { isAccessError } from '../../src/errors.ts';
import { spawnServer } from '../support/mcp-server.ts';

const clientId = `${'ab'.repeat(16)}.access`;
const clientSecret = 'cd'.repeat(32);
const pair = { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret };
/** Spelled apart, so that nobody takes it for a template. */
const braced = (name: string) => ['$', '{', name, '}'].join('');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(content: string, name = `${Math.random()}`): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

/** Starts the built server with its stdin closed, and waits for its end. */
async function start(environment: Record<string, string>) {
  const server = spawnServer({ HOME: folder, ...environment });
  let [stdout, stderr] = ['', ''];
  server.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  server.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  server.stdin.end();
  const [code] = await server.ended;
  return { code, stdout, stderr };
}

async function problemOf(environment: Record<string, string>): Promise<string> {
  try {
    await readConfig(environment);
  } catch (error) {
    if (isAccessError(error, 'config_invalid')) return error.message;
    throw error;
  }
  return '';
}

describe('a bad environment (contract §1)', () => {
  it.each([
    ['CF_ACCESS_CLIENT_ID', braced('CF_ACCESS_CLIENT_ID')],
    ['CF_ACCESS_CLIENT_SECRET', braced('env:SECRET')],
    ['CF_ACCESS_CLIENT_SECRET', '$CF_ACCESS_CLIENT_SECRET'],
    ['CLOUDFLARE_ACCESS_CLIENT_ID', '%CLIENT_ID%'],
    ['CF_ACCESS_HOSTS', `a.example.com,${braced('input:hosts')}`],
    ['CF_ACCESS_TEAM_DOMAIN', '{env:TEAM}'],
    ['HTTPS_PROXY', braced('PROXY')],
    ['CF_ACCESS_DATA_DIR', '$env:DATA'],
  ])('names %s when its value is the placeholder %s, and exits with 2', async (name, value) => {
    const { code, stdout, stderr } = await start({
      ...pair,
      CF_ACCESS_HOSTS: 'a.example.com',
      [name]: value,
    });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(`${name} holds a placeholder that the MCP host did not expand`);
    expect(stderr).not.toContain(value);
    // Once: nothing else is said of a value that is none.
    expect(stderr.split(name)).toHaveLength(2);
  });

  it.each([`"${clientSecret}"`, `'${clientSecret}'`, `“${clientSecret}”`])(
    'names a variable whose value is in quotation marks: %s',
    async (value) => {
      const { code, stderr } = await start({ ...pair, CF_ACCESS_CLIENT_SECRET: value });
      expect(code).toBe(2);
      expect(stderr).toContain('CF_ACCESS_CLIENT_SECRET is in quotation marks');
      expect(stderr).not.toContain(clientSecret);
    },
  );

  it('ends the start with one message that lists every problem and no value, and exit code 2', async () => {
    const secretFile = await file('secret-in-a-file');
    const environment = {
      CF_ACCESS_CLIENT_ID: 'id-value one',
      CLOUDFLARE_ACCESS_CLIENT_ID: 'id-value-two',
      CF_ACCESS_CLIENT_SECRET: 'secret-value-one',
      CLOUDFLARE_ACCESS_CLIENT_SECRET: 'secret-value-two',
      CF_ACCESS_CLIENT_SECRET_FILE: secretFile,
      CF_ACCESS_SERVICE_TOKENS_FILE: await file('[{"hosts":["*"],"client_id":"inner-id"}]'),
      CF_ACCESS_HOSTS: '*, *.com, https://value.example/',
      CF_ACCESS_TEAM_DOMAIN: 'value.example.com',
      CF_ACCESS_AUTHORIZATION_SERVERS: 'http://value.example',
      CF_ACCESS_OAUTH_CLIENT_SECRET: 'oauth-secret-value',
      CF_ACCESS_CALLBACK_PORT: '99999-value',
      CF_ACCESS_HEADLESS: 'value',
      CF_ACCESS_TRANSFER_URL: 'http://value.example',
      CF_ACCESS_LOG: 'value',
      HTTPS_PROXY: 'socks5://value.example',
      http_proxy: 'value.example:value',
    };
    const { code, stdout, stderr } = await start(environment);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.match(/The environment is not usable/g)).toHaveLength(1);
    for (const name of Object.keys(environment)) expect(stderr).toContain(name);
    expect(stderr.match(/CF_ACCESS_HOSTS: host \d/g)).toHaveLength(3);
    expect(stderr).not.toMatch(/value|inner-id|secret-in-a-file|99999/);
    expect(stderr).not.toContain('    at ');
  });

  const bad: [why: string, environment: Record<string, string>, named: RegExp][] = [
    ['an ID without a secret', { CF_ACCESS_CLIENT_ID: clientId }, /CF_ACCESS_CLIENT_SECRET/],
    ['a secret without an ID', { CF_ACCESS_CLIENT_SECRET: clientSecret }, /CF_ACCESS_CLIENT_ID/],
    ['an alias alone', { CLOUDFLARE_ACCESS_CLIENT_ID: clientId }, /CF_ACCESS_CLIENT_SECRET/],
    [
      'aliases that differ',
      { ...pair, CLOUDFLARE_ACCESS_CLIENT_ID: `${'cd'.repeat(16)}.access` },
      /CF_ACCESS_CLIENT_ID and CLOUDFLARE_ACCESS_CLIENT_ID differ/,
    ],
    ['a bare star', { ...pair, CF_ACCESS_HOSTS: '*' }, /CF_ACCESS_HOSTS/],
    ['a public suffix', { ...pair, CF_ACCESS_HOSTS: '*.co.uk' }, /CF_ACCESS_HOSTS.*public suffix/],
    ['a shared zone', { ...pair, CF_ACCESS_HOSTS: '*.pages.dev' }, /CF_ACCESS_HOSTS/],
    ['every team', { ...pair, CF_ACCESS_HOSTS: '*.cloudflareaccess.com' }, /CF_ACCESS_HOSTS/],
    ['a URL as host', { ...pair, CF_ACCESS_HOSTS: 'https://a.example.com' }, /CF_ACCESS_HOSTS/],
    [
      'a header line as secret',
      { ...pair, CF_ACCESS_CLIENT_SECRET: 'CF-Access-Client-Secret: x' },
      /header/,
    ],
    ['a port that is no number', { CF_ACCESS_CALLBACK_PORT: 'abc' }, /CF_ACCESS_CALLBACK_PORT/],
    ['port 0', { CF_ACCESS_CALLBACK_PORT: '0' }, /CF_ACCESS_CALLBACK_PORT/],
    ['a name to bind', { CF_ACCESS_CALLBACK_BIND: 'localhost' }, /CF_ACCESS_CALLBACK_BIND/],
    ['a port to bind', { CF_ACCESS_CALLBACK_BIND: '0.0.0.0:8400' }, /CF_ACCESS_CALLBACK_BIND/],
    ['no address to bind', { CF_ACCESS_CALLBACK_BIND: '1.2.3.256' }, /CF_ACCESS_CALLBACK_BIND/],
    ['a zone to bind', { CF_ACCESS_CALLBACK_BIND: 'fe80::1%eth0' }, /CF_ACCESS_CALLBACK_BIND/],
    ['port 65536', { CF_ACCESS_CALLBACK_PORT: '65536' }, /CF_ACCESS_CALLBACK_PORT/],
    [
      'a team elsewhere',
      { CF_ACCESS_TEAM_DOMAIN: 'acme.cloudflareaccess.com.evil.test' },
      /CF_ACCESS_TEAM_DOMAIN/,
    ],
    [
      'an issuer over http',
      { CF_ACCESS_AUTHORIZATION_SERVERS: 'http://as.example.com' },
      /CF_ACCESS_AUTHORIZATION_SERVERS: entry 1/,
    ],
    [
      'an issuer bound to every host',
      { CF_ACCESS_AUTHORIZATION_SERVERS: 'https://a.example https://as.example.com=*' },
      /CF_ACCESS_AUTHORIZATION_SERVERS: entry 2, host 1 is a bare \*/,
    ],
    [
      'an issuer bound to a public suffix',
      { CF_ACCESS_AUTHORIZATION_SERVERS: 'https://as.example.com=api.example.com+*.com' },
      /entry 1, host 2 is a wildcard under a public suffix/,
    ],
    [
      'an issuer bound to nothing',
      { CF_ACCESS_AUTHORIZATION_SERVERS: 'https://as.example.com=' },
      /entry 1 lacks a host after its = or \+/,
    ],
    [
      'an issuer bound to a URL',
      { CF_ACCESS_AUTHORIZATION_SERVERS: 'https://as.example.com=https://api.example.com' },
      /entry 1, host 1 is not a host alone/,
    ],
    [
      'a transfer service with a path',
      { CF_ACCESS_TRANSFER_URL: 'https://a.example/x' },
      /CF_ACCESS_TRANSFER_URL/,
    ],
    ['a limit that is neither on nor off', { CF_ACCESS_READ_ONLY: 'GET' }, /CF_ACCESS_READ_ONLY/],
    [
      'an allowed host that is every host',
      { CF_ACCESS_ALLOWED_HOSTS: '*' },
      /CF_ACCESS_ALLOWED_HOSTS: host 1 is a bare/,
    ],
    ['no allowed host', { CF_ACCESS_ALLOWED_HOSTS: ',' }, /CF_ACCESS_ALLOWED_HOSTS names no host/],
    ['a level that is none', { CF_ACCESS_LOG: 'loud' }, /CF_ACCESS_LOG/],
    ['neither 1 nor 0', { CF_ACCESS_HEADLESS: 'maybe' }, /CF_ACCESS_HEADLESS/],
    [
      'a file that is not there',
      { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET_FILE: '/nowhere/at/all' },
      /ENOENT/,
    ],
    ['a relative data folder', { CF_ACCESS_DATA_DIR: 'rel' }, /CF_ACCESS_DATA_DIR.*absolute/],
    [
      'a data folder with ~',
      { CF_ACCESS_DATA_DIR: '~/x' },
      /CF_ACCESS_DATA_DIR.*~ is not expanded/,
    ],
    ['a relative path', { CF_ACCESS_SERVICE_TOKENS_FILE: 'tokens.json' }, /absolute path/],
    [
      'a device in the place of a file',
      { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET_FILE: '/dev/zero' },
      /regular file/,
    ],
    [
      'a folder in the place of a file',
      { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET_FILE: '/' },
      /regular file/,
    ],
  ];
  it.each(bad)('names %s', async (_, environment, named) => {
    const message = await problemOf(environment);
    expect(message).toMatch(named);
    expect(message).not.toContain(clientId);
    expect(message).not.toContain(clientSecret);
  });

  it('names half a pair although the hosts are wrong as well', async () => {
    const message = await problemOf({ CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_HOSTS: '*' });
    expect(message).toMatch(/CF_ACCESS_HOSTS/);
    expect(message).toMatch(/neither CF_ACCESS_CLIENT_SECRET nor/);
  });

  it('never quotes a service tokens file that is broken', async () => {
    for (const content of [
      `[{"hosts":["a.example.com"],"client_id":"${clientId}","client_secret":"${clientSecret}"`,
      `{"client_secret":"${clientSecret}"}`,
      `[{"hosts":["a.example.com"],"client_id":"${clientId}","client_secret":"${clientSecret}","${clientSecret}":1}]`,
      `[{"hosts":[],"client_id":"${clientId}","client_secret":"${clientSecret}"}]`,
      '',
    ]) {
      const message = await problemOf({ CF_ACCESS_SERVICE_TOKENS_FILE: await file(content) });
      expect(message).toContain('CF_ACCESS_SERVICE_TOKENS_FILE');
      expect(message).not.toContain(clientSecret);
      expect(message).not.toContain(clientId);
    }
  });
});

describe('a good environment', () => {
  it('starts, ends with stdin, and says nothing', async () => {
    const tokens = JSON.stringify([
      { hosts: ['b.example.com'], client_id: clientId, client_secret: clientSecret },
    ]);
    const { code, stdout, stderr } = await start({
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET_FILE: await file(`${clientSecret}\n`),
      CF_ACCESS_SERVICE_TOKENS_FILE: await file(`\uFEFF${tokens}`),
      CF_ACCESS_HOSTS: 'a.example.com, *.corp.example.com',
      CF_ACCESS_TEAM_DOMAIN: 'acme',
      CF_ACCESS_AUTHORIZATION_SERVERS:
        'https://as.example.com/tenant=api.example.com+*.corp.example.com:8443,https://b.example',
      CF_ACCESS_OAUTH_CLIENT_ID: 'https://client.example.com/metadata.json',
      CF_ACCESS_CALLBACK_PORT: '18400',
      CF_ACCESS_HEADLESS: '1',
      CF_ACCESS_TRANSFER_URL: 'https://login.fed.cloudflareaccess.org',
      CF_ACCESS_LOG: 'info',
      CI: 'false',
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('takes the aliases, alone or with the same values', async () => {
    for (const environment of [
      { CLOUDFLARE_ACCESS_CLIENT_ID: clientId, CLOUDFLARE_ACCESS_CLIENT_SECRET: clientSecret },
      { ...pair, CLOUDFLARE_ACCESS_CLIENT_ID: clientId },
      { CF_ACCESS_CLIENT_ID: clientId, CLOUDFLARE_ACCESS_CLIENT_SECRET: clientSecret },
    ]) {
      const { serviceTokens } = await readConfig(environment);
      expect(serviceTokens).toMatchObject([{ clientId, clientSecret, hosts: [], general: true }]);
    }
  });

  it.each([
    ['0.0.0.0', 1],
    ['::', 1],
    ['172.17.0.2', 1],
    ['127.0.0.1', 0],
    ['::1', 0],
  ])(
    'binds the callback’s listener at %s, and warns where others reach it',
    async (address, warned) => {
      const { callbackBind, warnings } = await readConfig({ CF_ACCESS_CALLBACK_BIND: address });
      expect(callbackBind).toBe(address);
      expect(warnings.filter((each) => each.startsWith('CF_ACCESS_CALLBACK_BIND'))).toHaveLength(
        warned,
      );
    },
  );

  it('counts an empty variable as unset', async () => {
    const { serviceTokens, headless, callbackPorts } = await readConfig({
      CF_ACCESS_CLIENT_ID: '',
      CF_ACCESS_CLIENT_SECRET: ' ',
      CF_ACCESS_HEADLESS: '',
      CF_ACCESS_CALLBACK_PORT: '',
    });
    expect({ serviceTokens, headless }).toEqual({ serviceTokens: [], headless: false });
    expect(callbackPorts).toHaveLength(10);
  });

  it.each(['', 'relative'])('has cloudflared’s folder at home where HOME is “%s”', async (HOME) => {
    const { cloudflaredDir } = await readConfig({ HOME });
    expect(cloudflaredDir).toBe(join(userInfo().homedir, '.cloudflared'));
  });

  it('takes proxies as everywhere: without a scheme, lower case first', async () => {
    const { proxy } = await readConfig({
      HTTPS_PROXY: 'proxy.example.com:3128',
      http_proxy: 'http://ada:50%25@lower.example',
      HTTP_PROXY: 'upper.example',
      NO_PROXY: '.corp.example.com',
    });
    expect(proxy).toEqual({
      https: 'http://proxy.example.com:3128/',
      http: 'http://ada:50%25@lower.example/',
      no: '.corp.example.com',
    });
  });

  it('is headless when CI is true, unless that is overruled', async () => {
    expect((await readConfig({ CI: 'true' })).headless).toBe(true);
    expect((await readConfig({ CI: 'true', CF_ACCESS_HEADLESS: '0' })).headless).toBe(false);
    expect((await readConfig({ CF_ACCESS_HEADLESS: '1' })).headless).toBe(true);
    expect((await readConfig({ CI: '1' })).headless).toBe(false);
  });
});
