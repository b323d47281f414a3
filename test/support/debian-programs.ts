/** Other people's programs, where this machine has them, and servers among them that end with the test. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { eventually } from './mcp-server.ts';

/** The first of the paths that is there. */
export const has = (...paths: readonly string[]): string | undefined => paths.find(existsSync);

export const nginx = has('/usr/sbin/nginx', '/usr/bin/nginx');

/** Until the test ends. */
export function keepRunning(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): void {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
}

/** Resolves when something accepts connections at a port of 127.0.0.1. */
export async function listens(port: number, withinMs = 20_000): Promise<void> {
  const look = () =>
    new Promise<true | undefined>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(undefined));
      socket.on('connect', () => socket.destroy());
    });
  await eventually(look, withinMs);
}

/** nginx with one `server`, whose content is given; `place` is a folder of its own. */
export async function startNginx(place: string, port: number, server: string): Promise<void> {
  await writeFile(
    join(place, 'nginx.conf'),
    `
    daemon off; master_process off; pid ${place}/pid; error_log ${place}/error.log;
    events {}
    http {
      access_log off; client_max_body_size 0;
      client_body_temp_path ${place}/t1; proxy_temp_path ${place}/t2; fastcgi_temp_path ${place}/t3;
      uwsgi_temp_path ${place}/t4; scgi_temp_path ${place}/t5;
      server {
        listen 127.0.0.1:${port};
        ${server}
      }
    }`,
  );
  const errors = ['-e', `${place}/error.log`];
  keepRunning(nginx as string, ['-c', `${place}/nginx.conf`, '-p', place, ...errors]);
  await listens(port);
}
