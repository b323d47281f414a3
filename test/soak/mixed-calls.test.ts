/**
 * Mixed calls for minutes, at a sandbox that fails at random: cut connections, 5xx, slow and wrong
 * answers, redirects to a stranger. Every call is answered, no credential goes where it does not belong,
 * and neither memory, nor handles, nor listeners grow. `SOAK_SECONDS` and `SOAK_SEED` set length and
 * course: ten minutes, or one in CI.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { errorCodes } from '../../src/errors.ts';
import {
  type Fault,
  type RecordedRequest,
  type Sandbox,
  startSandbox,
} from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { freePort } from '../support/callback-port.ts';
import { type HostileOrigin, startHostileOrigin } from '../support/hostile-origin.ts';
import { startServer, type TestServer, temporaryFolder } from '../support/mcp-server.ts';
import { createRandom, seed } from './random.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? (process.env.CI === 'true' ? 60 : 600));
const workers = 6;
/** No call may take longer: the longest that a tool is told to wait, and its last request. */
const answerWithinMs = 45_000;

/** Fails about one in seven of our requests; the person's browser is left in peace. */
function createFaults(random: () => number, evil: HostileOrigin) {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  return (request: RecordedRequest): Fault | undefined => {
    if (request.headers['user-agent'] !== 'cloudflare-access-mcp' || random() > 0.15) {
      return undefined;
    }
    return pick<Fault>([
      { reset: true },
      { reset: true, afterWork: true },
      { status: pick([500, 502, 503, 504]), body: '<h1>trouble</h1>' },
      { status: 429, headers: { 'retry-after': '1' } },
      { delayMs: 50 + random() * 500 },
      { delayMs: 300, reset: true },
      { body: '{"error":' },
      { body: '<title>Wi-Fi login</title>', headers: { 'content-type': 'text/html' } },
      { headers: { 'content-encoding': 'gzip' } },
      { status: 401 },
      { status: 302, headers: { location: evil.at('/collect') } },
    ]);
  };
}

/** Which credential a request carries; a word for each rule that it breaks. */
function createWatch() {
  const homes = new Map<string, string>();
  const broken = new Set<string>();
  const watch = ({ host, headers, url, body, what }: RecordedRequest): void => {
    if (headers['user-agent'] !== 'cloudflare-access-mcp') return;
    const bearer = headers.authorization;
    const jwt = headers['cf-access-token'];
    const pair = headers['cf-access-client-secret'];
    const given = [bearer, jwt, pair].filter((one) => one !== undefined);
    if (given.length > 1) broken.add(`two credentials in one request to ${host}`);
    if (bearer && !host.startsWith('managed-oauth')) broken.add(`a bearer token at ${host}`);
    if (
      pair &&
      ['team', 'transfer', 'bypass', 'no-application', 'tunnel-down', 'identity-provider'].includes(
        host,
      )
    ) {
      broken.add(`a service token at ${host}`);
    }
    for (const secret of [bearer, jwt]) {
      if (secret === undefined) continue;
      const home = homes.get(String(secret)) ?? host;
      homes.set(String(secret), home);
      if (home !== host) broken.add(`a token of ${home} at ${host}`);
    }
    if (/refresh_token=oauth|code_verifier=/.test(body) && host !== 'team') {
      broken.add(`a token request at ${host}`);
    }
    // Access's own redirects carry signed, one-time values, on its own paths.
    if (/oauth:|cfast_|eyJ/.test(url) && !url.startsWith('/cdn-cgi/access/')) {
      broken.add(`a secret in the address of ${what} at ${host}`);
    }
  };
  return { watch, broken };
}

interface Sample {
  readonly residentMiB: number;
  readonly handles: number;
}

async function sample(pid: number): Promise<Sample> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const handles = await readdir(`/proc/${pid}/fd`);
  return {
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    handles: handles.length,
  };
}

/** Signs in whatever the browser is asked to open, until told to stop. */
async function bePerson(server: TestServer, sandbox: Sandbox, stop: AbortSignal): Promise<void> {
  let done = 0;
  while (!stop.aborted) {
    const opened = await server.opened();
    for (; done < opened.length; done += 1) {
      await signInAs(opened[done] ?? '', sandbox.people[0] ?? '').catch(() => {});
    }
    await sleep(100);
  }
}

type Call = readonly [name: string, args: Record<string, unknown>];

function nextCall(sandbox: Sandbox, random: () => number, evil: HostileOrigin, at: number): Call {
  const { applications } = sandbox;
  const names = Object.keys(applications) as (keyof typeof applications)[];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  // Most calls go where most work is.
  const name = random() < 0.5 ? 'managed-oauth' : pick(names);
  const url = new URL(pick(['/', '/echo', '/echo-all', '/admin/x']), applications[name].url).href;
  const kind = random();
  if (kind < 0.7) {
    return [
      'access_fetch',
      {
        url: random() < 0.05 ? evil.at('/') : url,
        timeout_seconds: 8,
        sign_in: name.startsWith('managed-oauth'),
        ...(random() < 0.1 ? { save_to: `saved-${at}` } : {}),
        ...(random() < 0.1 ? { method: 'POST', body: 'x'.repeat(10_000) } : {}),
      },
    ];
  }
  if (kind < 0.8) return ['detect_protection', { url }];
  if (kind < 0.9) return ['get_token', { url, as: 'file' }];
  return ['authenticate', { url, wait_seconds: random() < 0.5 ? 0 : 2 }];
}

it(
  `answers everything and loses nothing for ${seconds} s (SOAK_SEED=${seed})`,
  async () => {
    const random = createRandom(seed);
    const evil = await startHostileOrigin();
    const { watch, broken } = createWatch();
    const faults = createFaults(random, evil);
    let calm = false;
    const sandbox = await startSandbox({
      accessTokenSeconds: 3,
      transferHoldMs: 1_000,
      fault: (request) => {
        watch(request);
        return calm ? undefined : faults(request);
      },
    });
    const cwd = await temporaryFolder();
    const environment = async (more: Record<string, string> = {}) => ({
      CF_ACCESS_CALLBACK_PORT: String(await freePort()),
      CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
      ...more,
    });
    const servers = [
      await startServer({ cwd, environment: await environment() }),
      await startServer({
        cwd,
        environment: await environment({
          CF_ACCESS_HEADLESS: '1',
          CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
          CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
        }),
      }),
    ];
    const stop = new AbortController();
    const person = bePerson(servers[0] as TestServer, sandbox, stop.signal);
    const samples = servers.map((): Sample[] => []);
    const codes = new Map<string, number>();
    const endsAt = performance.now() + seconds * 1000;
    let calls = 0;

    const work = async (server: TestServer): Promise<void> => {
      while (performance.now() < endsAt) {
        calls += 1;
        const [name, args] = nextCall(sandbox, random, evil, calls);
        const { json, isError } = await server.call(name, args, answerWithinMs);
        const code = isError ? (json.error?.code ?? 'none') : 'fine';
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (isError) expect(errorCodes, JSON.stringify(json)).toContain(code);
        expect(code, `${name} ${JSON.stringify(args)}: ${JSON.stringify(json)}`).not.toBe(
          'internal_error',
        );
      }
    };
    const disturb = async (): Promise<void> => {
      while (performance.now() < endsAt) {
        await sleep(500);
        if (random() < 0.2) sandbox.expireAccessTokens();
        if (random() < 0.02) sandbox.endGrants();
        if (random() < 0.05) sandbox.rotateKeys();
        for (const [at, { pid }] of servers.entries()) samples[at]?.push(await sample(pid));
        for (const name of await readdir(cwd)) await rm(`${cwd}/${name}`, { force: true });
      }
    };

    try {
      await Promise.all([
        disturb(),
        ...servers.flatMap((server) => Array.from({ length: workers / 2 }, () => work(server))),
      ]);
      calm = true;
      expect([...broken]).toEqual([]);
      for (const seen of evil.seen) {
        expect(seen.headers).not.toHaveProperty('authorization');
        expect(Object.keys(seen.headers).filter((name) => name.startsWith('cf-'))).toEqual([]);
        expect(JSON.stringify(seen)).not.toMatch(/oauth:|cfast_|eyJ/);
      }
      expect(calls).toBeGreaterThan(seconds);
      expect(codes.get('fine') ?? 0).toBeGreaterThan(calls / 10);
      for (const [at, server] of servers.entries()) {
        expect((await server.client.listTools()).tools).toHaveLength(4);
        const url = sandbox.applications.bypass.url.href;
        expect((await server.call('access_fetch', { url })).json.status).toBe(200);
        expect(server.stderr()).not.toMatch(/MaxListeners|unexpected/);
        expectNoGrowth(samples[at] ?? []);
      }
    } finally {
      stop.abort();
      await person;
      for (const server of servers) await server.close();
      await sandbox.close();
      await evil.close();
      await rm(cwd, { recursive: true, force: true });
    }
  },
  (seconds + 120) * 1000,
);

/** The last third against the second: the first is for warming up. */
function expectNoGrowth(samples: readonly Sample[]): void {
  const third = Math.floor(samples.length / 3);
  const middle = samples.slice(third, 2 * third);
  const last = samples.slice(2 * third);
  const mean = (of: readonly Sample[], what: keyof Sample) =>
    of.reduce((sum, one) => sum + one[what], 0) / Math.max(1, of.length);
  const [before, after] = [mean(middle, 'residentMiB'), mean(last, 'residentMiB')];
  expect(after, `memory: ${before} MiB, then ${after} MiB`).toBeLessThan(before * 1.25 + 24);
  const [had, has] = [mean(middle, 'handles'), mean(last, 'handles')];
  expect(has, `handles: ${had}, then ${has}`).toBeLessThan(had + 16);
}
