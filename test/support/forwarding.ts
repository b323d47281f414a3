/** `forward` as a person runs it, and raw requests to its local port. */
import { once } from 'node:events';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import type { Program, Running, RunOptions } from '../cli/program.ts';
import { eventually } from './mcp-server.ts';

export interface Forwarding {
  /** `http://127.0.0.1:PORT`. */
  readonly local: string;
  readonly port: number;
  readonly running: Running;
  /** Ends it as Ctrl-C does; gives the exit code. */
  end(): Promise<number | null>;
}

export async function startForward(
  program: Program,
  remote: string,
  args: readonly string[] = [],
  options?: RunOptions,
): Promise<Forwarding> {
  const running = program.start(['forward', remote, ...args], options);
  const local = await eventually(() => {
    if (running.child.exitCode !== null) throw new Error(running.stderr());
    return /^(http:\/\/127\.0\.0\.1:\d+)\n/.exec(running.stdout())?.[1];
  });
  return {
    local,
    port: Number(new URL(local).port),
    running,
    async end() {
      running.child.kill('SIGINT');
      return (await running.ended).code;
    },
  };
}

export interface LocalAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

/** Without any HTTP client's own ideas: the path and the fields go out as given. */
export async function ask(
  local: string,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: OutgoingHttpHeaders; body?: string | Buffer } = {},
): Promise<LocalAnswer> {
  const { hostname, port } = new URL(local);
  const asking = httpRequest({
    hostname: hostname.replace(/[[\]]/g, ''),
    port,
    path,
    method,
    headers,
    agent: false,
  });
  asking.on('error', () => {});
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return {
    status: answer.statusCode ?? 0,
    reason: answer.statusMessage ?? '',
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    trailers: answer.trailers,
    body: Buffer.concat(parts).toString(),
  };
}
