/** `sandbox`: a local Cloudflare Access that runs until it is interrupted (contract §7). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { atPath } from '../../secure-url.ts';
import { cancellable } from '../terminal/cancellation.ts';
import { shellWord } from '../terminal/command-lines.ts';
import { conclude } from '../terminal/conclude.ts';
import { integer, seconds } from '../terminal/numbers.ts';
import type { Shell } from '../terminal/shell.ts';
import { hostsOf, shows } from './guide.ts';

interface Options {
  port: number;
  accessTokenSeconds?: number;
  refreshTokenSeconds?: number;
  sessionSeconds?: number;
  latencyMs?: number;
  device?: true;
  requests?: true;
  json?: true;
  replay?: string;
}

export function addSandbox(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('sandbox')
    .summary('run a local Cloudflare Access to try things out')
    .description(
      `Runs a local Cloudflare Access on this machine: a team with its login page, and one application for each way in which Access guards a host. No account and no network are needed. It prints the settings with which a server or a command uses it, and runs until you press Ctrl-C.`,
    )
    .option(
      '--port <port>',
      'the team’s port; applications get ports of their own',
      integer(65_535),
      0,
    )
    .option(
      '--access-token-seconds <seconds>',
      'lifetime of OAuth access tokens (900)',
      seconds(1e9),
    )
    .option(
      '--refresh-token-seconds <seconds>',
      'lifetime of refresh tokens (14 days)',
      seconds(1e9),
    )
    .option('--session-seconds <seconds>', 'lifetime of applications’ JWTs (1 day)', seconds(1e9))
    .option('--latency-ms <milliseconds>', 'delay every answer', integer(60_000))
    .option('--device', 'offer device codes (RFC 8628), which the real Access does not')
    .option('--requests', 'print each request on stderr as it arrives')
    .option('--replay <file>', 'serve a recording of doctor --record instead of the applications')
    .option('--json', 'print one line of JSON when it is ready')
    .action(async (options: Options) => {
      const { replay } = options;
      const work = async () => {
        if (replay === undefined) return run(shell, options);
        return (await import('./replay.ts')).replayFile(shell, replay, options);
      };
      end(await conclude(shell, options, work));
    });
}

async function run(shell: Shell, options: Options): Promise<number> {
  const { startSandbox } = await import('../../sandbox/sandbox.ts');
  const { accessTokenSeconds, refreshTokenSeconds, sessionSeconds, latencyMs } = options;
  return cancellable(async ({ interrupted }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'cloudflare-access-mcp-sandbox-'));
    let sandbox: Sandbox | undefined;
    try {
      sandbox = await startSandbox({
        port: options.port,
        ...(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
        ...(refreshTokenSeconds === undefined ? {} : { refreshTokenSeconds }),
        ...(sessionSeconds === undefined ? {} : { applicationSessionSeconds: sessionSeconds }),
        ...(latencyMs === undefined ? {} : { latencyMs }),
        ...(options.device ? { announceDeviceFlow: true } : {}),
        ...(options.requests
          ? {
              fault: ({ host, method, url, what }) => {
                const path = url.split('?')[0];
                const { err } = shell;
                err.line(
                  `${err.paint('dim', host.padEnd(28))} ${method.padEnd(6)} ${path}  ${what}`,
                );
                return undefined;
              },
            }
          : {}),
      });
      if (options.json) shell.out.line(JSON.stringify(describe(sandbox, dataDir)));
      else print(shell, sandbox, dataDir);
      await interrupted;
      return 0;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
      shell.err.line(`Port ${options.port} cannot be used (${code}): choose another one.`);
      return 1;
    } finally {
      await sandbox?.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
}

function environmentFor(sandbox: Sandbox, dataDir: string): Record<string, string> {
  return {
    CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
    CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
    CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
    CF_ACCESS_HOSTS: hostsOf(sandbox),
    // A folder of its own, because the person's would fill up with sessions of short-lived ports.
    CF_ACCESS_DATA_DIR: dataDir,
  };
}

function describe(sandbox: Sandbox, dataDir: string): unknown {
  const { clientId, clientSecret } = sandbox.serviceToken;
  return {
    team: sandbox.team.origin,
    transfer: sandbox.transfer.origin,
    applications: Object.fromEntries(
      Object.values(sandbox.applications).map(({ name, url, path }) => [
        name,
        { url: atPath(url, path).href, shows: shows[name] },
      ]),
    ),
    people: sandbox.people,
    refused_person: sandbox.refusedPerson,
    service_token: { client_id: clientId, client_secret: clientSecret },
    environment: environmentFor(sandbox, dataDir),
  };
}

function print({ out }: Shell, sandbox: Sandbox, dataDir: string): void {
  const heading = (text: string) => out.line(out.paint('bold', text));
  const code = (text: string) => out.line(`  ${out.paint('cyan', text)}`);
  const environment = environmentFor(sandbox, dataDir);
  heading('A local Cloudflare Access is running');
  out.line(`  team       ${sandbox.team.origin}`);
  out.line(`  transfer   ${sandbox.transfer.origin}`);
  const people = sandbox.people.map((person) =>
    person === sandbox.refusedPerson ? `${person} (refused by the policies)` : person,
  );
  out.line(`  people     ${people.join(', ')}`);
  out.line();
  heading('Applications');
  const rows = Object.values(sandbox.applications).map(({ name, url, path }) => ({
    name,
    address: atPath(url, path).href,
  }));
  const widest = (texts: string[]) => Math.max(...texts.map(({ length }) => length));
  const toNames = widest(rows.map(({ address }) => address));
  const toWhat = widest(rows.map(({ name }) => name));
  for (const { name, address } of rows) {
    const padded = out.paint('cyan', address.padEnd(toNames));
    out.line(`  ${padded}  ${name.padEnd(toWhat)}  ${shows[name]}`);
  }
  out.line(
    out.paint(
      'dim',
      '  Behind each: / (a wiki), /echo, /status/404, /bytes/1000, /image.png, /stream',
    ),
  );
  out.line();
  heading('In a shell, for the command line');
  for (const [name, value] of Object.entries(environment)) {
    code(`export ${name}=${shellWord(value)}`);
  }
  // The path of this program, which may not be installed.
  const program = process.argv[1] ?? 'dist/main.js';
  code(`node ${shellWord(program)} fetch ${sandbox.applications['managed-oauth'].url.href}`);
  out.line();
  heading('In a host’s configuration, for the server');
  const server = { command: 'node', args: [program], env: environment };
  const json = JSON.stringify({ mcpServers: { 'cloudflare-access-sandbox': server } }, null, 2);
  for (const line of json.split('\n')) code(line);
  out.line();
  out.line(out.paint('dim', 'Ctrl-C ends it.'));
}
