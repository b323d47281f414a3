/**
 * Hosts that start `connect` in pairs, with 64 requests under way, while the remote server, its
 * connections and the hosts are killed at random and tokens expire: every request is answered, by the
 * server or with an error, nothing secret is local, and neither memory nor connections stay.
 * `SOAK_SECONDS` and `SOAK_SEED` set length and course.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import type { Said } from '../support/connected.ts';
import { passTo, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';
import { HostLeft, type Leaving, type McpHost, startMcpHost, type Watch } from './mcp-host.ts';
import { grownBetweenHalves, handles, residentMib, sockets } from './process-size.ts';
import { createRandom, seed } from './random.ts';
import { createRemoteProcess } from './remote-process.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 30);
/** Hosts that come and go, beside one that stays and is measured. */
const hosts = 8;
const atOnce = { passing: 6, staying: 16 };
const mostGrownMib = 32;
/** A session is begun anew within 20 s. */
const longestAnswerMs = 30_000;
/** A second on a machine that has time (test/bridge/connect.test.ts). */
const longestLeavingMs = 15_000;
/** What a request may be refused with when its peer has been killed. */
const expected = ['network_error', 'temporarily_unavailable', 'timeout', 'sign_in_pending'];

const random = createRandom();
const upTo = (most: number) => random() * most;
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const large = 'all the same '.repeat(20_000);

/** A person who signs in at each address that is opened, until somebody is there to hear of it. */
function sitAtTheBrowser(program: Program): { leave(): void } {
  let isThere = true;
  const signIn = async (url: string): Promise<void> => {
    for (let attempt = 0; isThere && attempt < 100; attempt += 1) {
      const done = await visit(url).then(
        () => true,
        () => false,
      );
      if (done) return;
      await sleep(200);
    }
  };
  const watch = async (): Promise<void> => {
    for (let seen = 0; isThere; await sleep(100)) {
      for (const url of (await program.opened()).slice(seen)) {
        seen += 1;
        void signIn(url);
      }
    }
  };
  void watch();
  return {
    leave() {
      isThere = false;
    },
  };
}

it(
  `answers everything and stays small (SOAK_SECONDS=${seconds} SOAK_SEED=${seed})`,
  async () => {
    const program = await createProgram();
    onTestFinished(() => program.remove());
    const remote = await createRemoteProcess(program.place);
    onTestFinished(() => remote.kill());
    await remote.start();
    const edge = await startGuardedEdge(passTo(remote.port));
    onTestFinished(() => edge.close());
    const person = sitAtTheBrowser(program);
    onTestFinished(person.leave);
    expect((await program.run(['login', edge.origin])).code).toBe(0);

    const wrong: string[] = [];
    const tally: Record<string, number> = {};
    const count = (what: string) => {
      tally[what] = (tally[what] ?? 0) + 1;
    };
    let longestMs = 0;
    const watch: Watch = {
      onWrong: (what) => void wrong.push(what),
      onLine(line) {
        if (/Warning: /.test(line)) wrong.push(line);
        for (const secret of edge.issued) {
          if (line.includes(secret.replace(/^oauth:|^code-/, ''))) wrong.push('a secret is local');
        }
      },
    };
    const start = (): McpHost => {
      const host = startMcpHost(program, `${edge.origin}/mcp`, watch);
      onTestFinished(() => void host.child.kill('SIGKILL'));
      return host;
    };

    /** The text of its result; `undefined` for an error, which is counted. */
    const textOf = ({ result, error }: Said): string | undefined => {
      if (error === undefined) {
        const [block] = (result?.content ?? []) as { text?: string }[];
        return block?.text;
      }
      const code = String(error.data?.code ?? error.code);
      count(code);
      if (!expected.includes(code)) wrong.push(`${code}: ${error.message}`);
      return undefined;
    };
    const timed = async (answered: Promise<Said>): Promise<Said> => {
      const startedAt = performance.now();
      const answer = await answered;
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      return answer;
    };
    /** One call of a random kind. */
    const exchange = async (host: McpHost): Promise<void> => {
      const kind = oneOf(['echo', 'echo', 'echo', 'large', 'ask', 'slow'] as const);
      if (kind === 'slow') {
        const { id, answered } = host.call('slow');
        setTimeout(() => host.cancel(id), upTo(400));
        textOf(await answered);
        return;
      }
      const given = kind === 'large' ? large : `hello ${upTo(1e9)}`;
      const { answered } = kind === 'ask' ? host.call('ask') : host.call('echo', { text: given });
      const text = textOf(await timed(answered));
      if (text === undefined) return;
      const right = kind === 'ask' ? /"text":"me"/.test(text) : text.startsWith(`${given} Bearer `);
      if (!right) wrong.push(`${kind} was answered with ${text.slice(0, 200)}`);
      count('answered');
    };
    const work = async (host: McpHost, many: number, until: number): Promise<void> => {
      const one = async () => {
        while (Date.now() < until && !host.hasLeft()) {
          await exchange(host).catch((error) => {
            if (!(error instanceof HostLeft)) throw error;
            count('left');
          });
          await sleep(upTo(40));
        }
      };
      await Promise.all(Array.from({ length: many }, one));
    };
    const leave = async (host: McpHost): Promise<void> => {
      const how = oneOf<Leaving>(['closes', 'SIGTERM', 'SIGKILL']);
      const startedAt = performance.now();
      const code = await host.leave(how);
      // A process that has not got as far as its first line is ended by the signal itself.
      const right: unknown[] = how === 'SIGKILL' ? [how] : host.hasSpoken() ? [0] : [0, how];
      if (!right.includes(code)) wrong.push(`${how} ended it with ${code}`);
      if (performance.now() - startedAt > longestLeavingMs) wrong.push(`${how} did not end it`);
      count(how);
    };

    const until = Date.now() + seconds * 1000;
    /** Starts pairs one after the other, and kills one of each within a second. */
    const comeAndGo = async (): Promise<void> => {
      while (Date.now() < until) {
        const [kept, killed] = [start(), start()];
        const killing = sleep(upTo(1_000)).then(() => leave(killed));
        killed.shakeHands().catch(() => {});
        const greeting = await timed(kept.shakeHands());
        // Refused, as hosts do: the next pair is another attempt.
        textOf(greeting);
        if (greeting.result) {
          const working = work(kept, atOnce.passing, until);
          await sleep(Math.min(until - Date.now(), 4_000 + upTo(8_000)));
          await leave(kept);
          await working;
        } else await leave(kept);
        await killing;
      }
    };
    const staying = start();
    expect(await staying.shakeHands()).toHaveProperty('result');
    const pid = staying.child.pid ?? 0;
    const handlesBefore = await handles(pid);
    const samples: number[] = [];
    const timers = [
      setInterval(() => edge.expire(), 8_000),
      setInterval(async () => samples.push(await residentMib(pid)), 1_000),
      setInterval(() => {
        if (edge.connections.size > 0) oneOf([...edge.connections]).destroy();
      }, 400),
    ];
    const killRemote = async (): Promise<void> => {
      while (Date.now() < until) {
        await sleep(2_000 + upTo(2_000));
        remote.forget();
        await sleep(2_000 + upTo(2_000));
        await remote.kill();
        count('servers killed');
        await sleep(upTo(500));
        await remote.start();
      }
    };
    await Promise.all([
      killRemote(),
      work(staying, atOnce.staying, until),
      ...Array.from({ length: hosts }, async () => {
        await sleep(upTo(4_000));
        await comeAndGo();
      }),
    ]);
    for (const timer of timers) clearInterval(timer);

    // With everybody alive again it works as on the first day.
    await eventually(async () => {
      const answer = await staying.call('echo', { text: 'still there' }).answered;
      return textOf(answer)?.startsWith('still there') || undefined;
    }, 30_000).catch(() => wrong.push('it does not work again'));
    await eventually(async () => (await handles(pid)) <= handlesBefore + 4 || undefined, 40_000);
    const grownMib = grownBetweenHalves(samples);
    const highestMib = Math.max(...samples);
    process.stdout.write(
      `${JSON.stringify({ ...tally, tabs: (await program.opened()).length, requests: edge.requests.length, longestMs, grownMib, highestMib })}\n`,
    );
    expect(await staying.leave('SIGTERM')).toBe(0);
    expect(wrong).toEqual([]);
    expect(tally.answered).toBeGreaterThan(seconds);
    expect(tally.network_error).toBeGreaterThan(0);
    for (const how of ['closes', 'SIGTERM', 'SIGKILL']) expect(tally[how]).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(longestAnswerMs);
    expect(grownMib).toBeLessThan(mostGrownMib);
    // A process that is killed while it renews the session takes the grant with it.
    expect((await program.opened()).length).toBeLessThanOrEqual(1 + (tally.SIGKILL ?? 0));
    // Nothing half-open: neither at the edge nor at the server, which has its listener left.
    await eventually(() => edge.connections.size === 0 || undefined);
    await eventually(async () => (await sockets(remote.pid())) === 1 || undefined);
  },
  (seconds + 120) * 1000,
);
