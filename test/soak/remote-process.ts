/** A remote MCP server that is killed and started again at one port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { freePort } from '../support/callback-port.ts';
import { eventually } from '../support/mcp-server.ts';

export interface RemoteProcess {
  readonly port: number;
  readonly pid: () => number;
  /** Kills it at once. */
  kill(): Promise<void>;
  /** It forgets its sessions, whose streams stay open at its end. */
  forget(): void;
  /** Resolves when it listens. */
  start(): Promise<void>;
}

/** `folder` holds the bundle. */
export async function createRemoteProcess(folder: string): Promise<RemoteProcess> {
  const program = join(folder, 'remote-server.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./remote-server.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    banner: {
      js: "import{createRequire as __c}from'node:module';const require=__c(import.meta.url);",
    },
  });
  const port = await freePort();
  let child: ChildProcess | undefined;
  return {
    port,
    pid: () => child?.pid ?? 0,
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    forget: () => void child?.kill('SIGUSR2'),
    async start() {
      child = spawn(process.execPath, [program, String(port)], { stdio: 'ignore' });
      await eventually(
        () =>
          new Promise<true | undefined>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(true));
            socket.on('error', () => resolve(undefined));
            socket.on('connect', () => socket.destroy());
          }),
        20_000,
      );
    },
  };
}
