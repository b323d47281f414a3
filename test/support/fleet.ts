/** Several built servers of one person: one data folder, one callback port, as hosts start them. */
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs, type Visited } from '../../src/sandbox/team/person.ts';
import { freePort } from './callback-port.ts';
import { eventually, startServer, type TestServer, temporaryFolder } from './mcp-server.ts';

/** Many processes that start at once on few cores need their time. */
const slowMachineMs = 60_000;

export interface Fleet {
  readonly servers: readonly TestServer[];
  readonly dataDir: string;
  readonly port: number;
  /** One more of the same person. */
  add(): Promise<TestServer>;
  /** What all their browsers were asked to open, in no certain order. */
  opened(): Promise<string[]>;
  /** Resolves with the `count` addresses that were opened, once they are. */
  openedAddresses(count: number): Promise<string[]>;
  close(): Promise<void>;
}

export async function startFleet(
  size: number,
  environment: Record<string, string> = {},
): Promise<Fleet> {
  const folder = await temporaryFolder();
  const dataDir = join(folder, 'data');
  const port = await freePort();
  const servers: TestServer[] = [];
  const add = async (): Promise<TestServer> => {
    const server = await startServer({
      dataDir,
      environment: { CF_ACCESS_CALLBACK_PORT: String(port), ...environment },
    });
    servers.push(server);
    return server;
  };
  const opened = async (): Promise<string[]> =>
    (await Promise.all(servers.map((server) => server.opened()))).flat();
  await Promise.all(Array.from({ length: size }, add));
  return {
    servers,
    dataDir,
    port,
    add,
    opened,
    openedAddresses: (count) =>
      eventually(async () => {
        const urls = await opened();
        return urls.length >= count ? urls : undefined;
      }, slowMachineMs),
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends a server at once, as the kernel or an impatient host does, and waits until it is gone. */
export async function kill({ pid }: TestServer): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually(() => (isAlive(pid) ? undefined : true));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The person finishes the sign-in that was opened. */
export function personSignsIn(sandbox: Sandbox, address: string): Promise<Visited> {
  return signInAs(address, sandbox.people[0] ?? '');
}

/** The same, up to the address that the browser cannot load. */
export async function callbackOf(sandbox: Sandbox, address: string): Promise<string> {
  const stopAt = ({ pathname }: URL) => pathname === '/callback';
  return (await signInAs(address, sandbox.people[0] ?? '', { stopAt })).url.href;
}

/** How often each kind of request came to the sandbox, but for the person's browser's. */
export function counts(sandbox: Sandbox): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { what, headers } of sandbox.requests) {
    if (headers['user-agent'] !== 'cloudflare-access-mcp') continue;
    counted[what] = (counted[what] ?? 0) + 1;
  }
  return counted;
}

/** What the authorization server had to complain about: tokens or codes that were spent twice. */
export function complaints(sandbox: Sandbox): string[] {
  return sandbox.requests.flatMap(({ note }) => (note === undefined ? [] : [note]));
}

/** A program of somebody else's on a port: it accepts connections and says nothing of use. */
export async function occupy(
  host: string,
  port: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    socket.resume();
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, ipv6Only: host === '::1' }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
