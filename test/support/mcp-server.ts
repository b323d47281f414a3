/**
 * The built server as a host starts it: spawned, spoken to by the SDK's client over stdio, with an
 * environment of its own. `BROWSER` is a program that only writes down where it was led.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { writeBrowserProgram } from './browser-program.ts';
import { callbackPort } from './callback-port.ts';
import { createModernClient } from './modern-client.ts';

export const builtServer = new URL('../../dist/main.js', import.meta.url).pathname;

/** The protocol's revision that the hosts of the tests speak: `npm run test:modern` sets the newer. */
export const revision = process.env.TEST_MCP_REVISION ?? '2025-11-25';
export const isModern = revision === '2026-07-28';

export interface ToolAnswer {
  readonly isError: boolean;
  /** The first block's JSON object. */
  readonly json: Record<string, unknown> & {
    error?: { code: string; message: string; next_step: string } & Record<string, unknown>;
  };
  /** The second block's text, for access_fetch. */
  readonly body: string;
  readonly content: readonly { type: string; text?: string; data?: string; mimeType?: string }[];
  readonly structured: unknown;
}

export interface TestServer {
  readonly client: Client;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything that was printed on stderr. */
  stderr(): string;
  /** The addresses that the browser was led to. */
  opened(): Promise<string[]>;
  call(name: string, args: Record<string, unknown>, timeoutMs?: number): Promise<ToolAnswer>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly environment?: Record<string, string>;
  readonly dataDir?: string;
  readonly cwd?: string;
  readonly capabilities?: ClientCapabilities;
  /** In the place of this Node and the built server. */
  readonly command?: readonly string[];
  /** A script of the test's own in the place of the one that writes down. */
  readonly browser?: string;
  /** Shown to the client before it is connected, for handlers. */
  readonly prepare?: (client: Client) => void;
}

/** Loopback is named like any other host: what the tests set up there may have what is configured. */
export const loopbackHosts = 'localhost, 127.0.0.1, [::1]';

/** A folder that is removed when `cleanUp` runs. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'cloudflare-access-mcp-'));
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const place = await temporaryFolder();
  const dataDir = options.dataDir ?? join(place, 'data');
  const browser = options.browser ?? join(place, 'browser');
  const opened =
    options.browser === undefined ? await writeBrowserProgram(browser) : async () => [];
  const [command = '', ...args] = options.command ?? [process.execPath, builtServer];
  const transport = new StdioClientTransport({
    command,
    args,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: place,
      BROWSER: browser,
      CF_ACCESS_DATA_DIR: dataDir,
      CF_ACCESS_HEADLESS: '0',
      CF_ACCESS_CALLBACK_PORT: callbackPort(dataDir),
      CF_ACCESS_HOSTS: loopbackHosts,
      ...options.environment,
    },
    stderr: 'pipe',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let printed = '';
  transport.stderr?.on('data', (chunk) => {
    printed += chunk;
  });
  const capabilities = options.capabilities ?? {};
  const client = isModern
    ? createModernClient(capabilities)
    : new Client({ name: 'test', version: '1' }, { capabilities });
  options.prepare?.(client);
  await client.connect(transport);
  return {
    client,
    pid: transport.pid ?? 0,
    dataDir,
    stderr: () => printed,
    opened,
    async call(name, args, timeoutMs = 60_000) {
      const result = await client.callTool({ name, arguments: args }, undefined, {
        timeout: timeoutMs,
      });
      const content = result.content as ToolAnswer['content'];
      return {
        isError: result.isError === true,
        json: JSON.parse(content[0]?.text ?? 'null'),
        body: content[1]?.text ?? '',
        content,
        structured: result.structuredContent,
      };
    },
    async close() {
      await client.close();
      await rm(place, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The server as a bare process, for tests of stdin, stdout and signals. */
export function spawnServer(
  environment: Record<string, string>,
  args: readonly string[] = [],
  program = builtServer,
) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: 'pipe',
  });
  return Object.assign(child, { ended: once(child, 'exit') });
}

/** Asks again until `look` gives something, at most `withinMs`. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  withinMs = 10_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
