/**
 * CF_ACCESS_CALLBACK_BIND: a sign-in from a container, whose published port brings the answer from beyond
 * loopback. The far end here is an address of this machine that is none of loopback's.
 */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram, type Program } from '../cli/program.ts';
import { eventually } from '../support/mcp-server.ts';

const container = '10.217.84.1';
const neighbour = '10.217.84.2';
/** Needs the right to give this network an address: a namespace of its own, as root. */
const hasAddress = (() => {
  try {
    for (const each of [container, neighbour]) {
      execFileSync('ip', ['address', 'replace', `${each}/32`, 'dev', 'lo'], { stdio: 'ignore' });
    }
    return true;
  } catch {
    return false;
  }
})();
/** Otherwise another address of 127.0.0.0/8, which the default does not bind either. */
const address = hasAddress ? container : '127.217.84.1';

let sandbox: Sandbox;
let program: Program;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => {
  await sandbox.close();
  for (const each of hasAddress ? [container, neighbour] : []) {
    execFileSync('ip', ['address', 'delete', `${each}/32`, 'dev', 'lo']);
  }
});
beforeEach(async () => {
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  sandbox.clearRequests();
});
afterEach(() => program.remove());

function get(
  url: URL,
  { at, from, host = url.host }: { at: string; from?: string; host?: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    request(
      {
        host: at,
        ...(from ? { localAddress: from } : {}),
        port: url.port,
        path: url.pathname + url.search,
        headers: { host },
        agent: false,
      },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      },
    )
      .once('error', reject)
      .end();
  });
}

function isOpen(at: string, port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: at, port: Number(port) });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** The addresses at which something listens on the port, as the kernel has them. */
async function listeners(port: string): Promise<string[]> {
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'latin1').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === '0A' && local.endsWith(`:${hex}`))
    .map(([, local = '']) => local.split(':')[0] ?? '');
}

/** As the kernel writes an IPv4 address. */
const word = (text: string) => {
  const bytes = text.split('.').map(Number);
  return Buffer.from(endianness() === 'LE' ? bytes.reverse() : bytes)
    .toString('hex')
    .toUpperCase();
};

/** Signs in as far as the browser's way back, and leaves that to the test. */
async function signingIn(environment: Record<string, string>) {
  const wiki = sandbox.applications['managed-oauth'];
  // Also what its command line holds is written down.
  const browser = join(program.place, 'watched-browser');
  const startedWith = join(program.place, 'started-with');
  const script = `#!/bin/sh\necho "$1" >> '${startedWith}'\nexec '${join(program.place, 'browser')}' "$1"\n`;
  await writeFile(browser, script, { mode: 0o755 });
  const login = program.start(['login', wiki.url.href], {
    environment: { ...environment, BROWSER: browser },
  });
  const opened = await eventually(async () => (await program.opened())[0]);
  const { url } = await signInAs(opened, sandbox.people[0] ?? '', {
    stopAt: ({ pathname }) => pathname === '/callback',
  });
  const leading = new URL((await readFile(startedWith, 'utf8')).trim());
  return { login, callback: url, leading };
}

describe.runIf(process.platform === 'linux')('a sign-in in a container', () => {
  it.each(['0.0.0.0', address, '::'])(
    'whose listener is bound to %s is ended from beyond',
    async (bind) => {
      const { login, callback, leading } = await signingIn({ CF_ACCESS_CALLBACK_BIND: bind });
      // Nothing else of it changes: neither the redirect URI, nor whose name is answered to.
      expect(callback.hostname).toBe('localhost');
      expect(await listeners(callback.port)).toEqual([bind === '::' ? '0'.repeat(32) : word(bind)]);
      // The address that a browser of this machine is led by stays on loopback, at a port of its own.
      expect(leading.hostname).toBe('127.0.0.1');
      expect(leading.port).not.toBe(callback.port);
      expect(await isOpen(address, leading.port)).toBe(false);

      expect(await get(callback, { at: address, host: `${address}:${callback.port}` })).toBe(421);
      const forged = new URL(callback);
      forged.searchParams.set('state', 'another');
      expect(await get(forged, { at: address })).toBe(400);
      // Whose it is, is proven to this machine alone: to one of its own addresses, or to loopback's.
      const question = new URL(`/callback?identify=${'n'.repeat(32)}`, callback);
      if (bind !== address) expect(await get(question, { at: '127.0.0.1' })).toBe(200);
      const elsewhere = { at: address, from: hasAddress ? neighbour : '127.0.0.1' };
      expect(await get(question, elsewhere)).toBe(hasAddress ? 403 : 200);
      expect(await get(callback, { at: address })).toBe(200);
      const { code, stderr } = await login.ended;
      expect(code).toBe(0);
      expect(stderr).toContain('CF_ACCESS_CALLBACK_BIND');
      expect(
        sandbox.requests.filter(({ what }) => what === 'token:authorization_code'),
      ).toHaveLength(1);
      expect(
        (await program.run(['fetch', sandbox.applications['managed-oauth'].url.href])).code,
      ).toBe(0);
    },
  );

  it('is not reached from beyond without it', async () => {
    const { login, callback } = await signingIn({});
    expect(await isOpen(address, callback.port)).toBe(false);
    expect(await listeners(callback.port)).toEqual([
      word('127.0.0.1'),
      expect.stringMatching(/^0{24}/),
    ]);
    expect(await get(callback, { at: '127.0.0.1' })).toBe(200);
    expect((await login.ended).code).toBe(0);
  });

  it('that binds an address which the machine does not have says so', async () => {
    const run = await program.run(['login', sandbox.applications['managed-oauth'].url.href], {
      environment: { CF_ACCESS_CALLBACK_BIND: '203.0.113.9' },
    });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(
      '203.0.113.9 (CF_ACCESS_CALLBACK_BIND) is no address of this machine',
    );
    expect(await program.opened()).toEqual([]);
  });

  it('shares its listener with siblings, as on loopback', async () => {
    const environment = { CF_ACCESS_CALLBACK_BIND: '0.0.0.0' };
    const { login, callback } = await signingIn(environment);
    const { json } = await program.run(['doctor', '--json'], { environment });
    expect(json.findings).toContainEqual(
      expect.objectContaining({
        name: 'Callback port',
        text: expect.stringContaining('held by another process of yours'),
      }),
    );
    expect(await get(callback, { at: address })).toBe(200);
    expect((await login.ended).code).toBe(0);
  });
});
