/** Other people's programs through `tcp`, each as it comes from Debian (docs/recipes.md). */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import { has, keepRunning, listens } from '../support/debian-programs.ts';
import { type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { builtServer, eventually } from '../support/mcp-server.ts';
import { tunnelTo } from '../support/tunnelled.ts';

const execute = promisify(execFile);
const sshd = has('/usr/sbin/sshd');
const ssh = has('/usr/bin/ssh');
const psql = has('/usr/bin/psql');
const versions = '/usr/lib/postgresql';
const postgres = has(versions)
  ? has(...readdirSync(versions).map((version) => `${versions}/${version}/bin`))
  : undefined;
const isRoot = process.getuid?.() === 0;

let program: Program;
let edge: GuardedEdge;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(async () => {
  await edge?.close();
  await program.remove();
});

describe.skipIf(!sshd || !ssh)('ssh (skipped without sshd and ssh)', () => {
  it('runs commands and carries megabytes by ProxyCommand, after one sign-in', async () => {
    const { place } = program;
    for (const name of ['host', 'own']) {
      await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(place, name)]);
    }
    await writeFile(join(place, 'authorized'), await readFile(join(place, 'own.pub')));
    const port = await freePort();
    const { username } = userInfo();
    await writeFile(
      join(place, 'sshd.conf'),
      `Port ${port}
      ListenAddress 127.0.0.1
      HostKey ${place}/host
      AuthorizedKeysFile ${place}/authorized
      PidFile none
      StrictModes no
      UsePAM no
      PermitRootLogin yes
      PasswordAuthentication no\n`,
    );
    if (isRoot) await mkdir('/run/sshd', { recursive: true });
    keepRunning(sshd as string, ['-D', '-f', join(place, 'sshd.conf')]);
    await listens(port);
    edge = await startGuardedEdge(tunnelTo(() => port));
    const { host } = new URL(edge.origin);
    const environment = {
      PATH: process.env.PATH ?? '',
      HOME: place,
      BROWSER: join(place, 'browser'),
      CF_ACCESS_DATA_DIR: program.dataDir,
      CF_ACCESS_HEADLESS: '0',
      CF_ACCESS_CALLBACK_PORT: String(await freePort()),
    };
    const run = (command: string, input: string | Buffer = '') => {
      const running = execute(
        ssh as string,
        [
          ...['-F', 'none', '-i', join(place, 'own'), '-o', 'BatchMode=yes'],
          ...['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${place}/known`],
          ...['-o', `ProxyCommand=${process.execPath} ${builtServer} tcp http://${host}`],
          `${username}@ssh.example.com`,
          command,
        ],
        { env: environment, encoding: 'buffer', maxBuffer: 32e6 },
      );
      running.child.stdin?.end(input);
      return running;
    };
    const first = run('echo hello');
    await visit(await eventually(async () => (await program.opened())[0]));
    expect((await first).stdout.toString()).toBe('hello\n');
    const large = randomBytes(5_000_000);
    const { stdout } = await run('cat', large);
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(hash(stdout)).toBe(hash(large));
    expect(await program.opened()).toHaveLength(1);
    expect(edge.requests.filter(({ admitted }) => admitted)).toHaveLength(2);
    await eventually(() => edge.connections.size === 0 || undefined);
  }, 60_000);
});

describe.skipIf(!postgres || !psql)('psql (skipped without PostgreSQL)', () => {
  it('asks a database at a local port, several at once', async () => {
    const { place } = program;
    await chmod(place, 0o755);
    const folder = join(place, 'database');
    await mkdir(folder, { mode: 0o700 });
    // PostgreSQL does not run as root.
    const nobody = 65_534;
    const user = isRoot ? { uid: nobody, gid: nobody } : {};
    if (isRoot) await chown(folder, nobody, nobody);
    const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C' };
    await execute(
      `${postgres}/initdb`,
      [
        '--pgdata',
        folder,
        '--username',
        'ada',
        '--auth',
        'trust',
        '--no-sync',
        '--encoding',
        'UTF8',
      ],
      { ...user, env, cwd: '/' },
    );
    const port = await freePort();
    keepRunning(
      `${postgres}/postgres`,
      ['-D', folder, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off'],
      { ...user, env, cwd: '/' },
    );
    await listens(port);
    edge = await startGuardedEdge(tunnelTo(() => port));
    const running = program.start(['tcp', edge.origin, '--listen', '0']);
    const local = await eventually(() => /^127\.0\.0\.1:(\d+)\n/.exec(running.stdout())?.[1]);
    const ask = async (statement: string) => {
      const { stdout } = await execute(
        psql as string,
        [`host=127.0.0.1 port=${local} user=ada dbname=postgres`, '-AtXqc', statement],
        { env, maxBuffer: 64e6 },
      );
      return stdout;
    };
    const first = ask('select 6 * 7');
    await visit(await eventually(async () => (await program.opened())[0]));
    expect(await first).toBe('42\n');
    await ask('create table kept (id int, content text)');
    await ask("insert into kept select n, repeat('x', 1000) from generate_series(1, 10000) n");
    const all = await Promise.all(
      [1, 2, 3, 4].map(() => ask('select id, content from kept order by id')),
    );
    for (const each of all) expect(each.split('\n')).toHaveLength(10_001);
    expect(new Set(all).size).toBe(1);
    expect(edge.requests.filter(({ admitted }) => admitted)).toHaveLength(7);
    expect(await program.opened()).toHaveLength(1);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  }, 60_000);
});
