/** `connect` as a host starts it: spoken to line by line, or by the SDK's client. */
import type { Writable } from 'node:stream';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import type { Program, Run, Running, RunOptions } from '../cli/program.ts';
import { eventually } from './mcp-server.ts';

export type Json = Record<string, unknown>;

export interface Said extends Json {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: { code: number; message: string; data?: Json };
}

export interface Connection {
  readonly running: Running;
  /** Everything that was said to the host, in order. */
  heard(): Said[];
  say(message: Json | string): void;
  /** Says it, and waits for the answer with its id. */
  ask(message: Json, withinMs?: number): Promise<Said>;
  /** A handshake of the older revisions. */
  shakeHands(): Promise<Said>;
  /** Ends stdin. */
  end(): Promise<Run>;
}

export const initialize = (id: number | string = 0): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
});
export const initialized: Json = { jsonrpc: '2.0', method: 'notifications/initialized' };
export const call = (
  id: number | string,
  name: string,
  args: Json = {},
  more: Json = {},
): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...more },
});

export function startConnect(
  program: Program,
  url: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Connection {
  const running = program.start(['connect', url, ...args], { ...options, keepsInput: true });
  const stdin = running.child.stdin as Writable;
  const heard = () =>
    running
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Said);
  const say: Connection['say'] = (message) =>
    void stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  const ask: Connection['ask'] = (message, withinMs) => {
    say(message);
    return eventually(() => {
      if (running.child.exitCode !== null) throw new Error(`it has ended: ${running.stderr()}`);
      return heard().find(({ id, method }) => id === message.id && method === undefined);
    }, withinMs);
  };
  return {
    running,
    heard,
    say,
    ask,
    async shakeHands() {
      const answer = await ask(initialize());
      say(initialized);
      return answer;
    },
    end() {
      stdin.end();
      return running.ended;
    },
  };
}

/** The SDK's client over `connect`; its streams are named from the host's side. */
export async function connectClient(
  program: Program,
  url: string,
  {
    capabilities = {},
    prepare,
    args = [],
  }: {
    readonly capabilities?: ClientCapabilities;
    readonly prepare?: (client: Client) => void;
    readonly args?: readonly string[];
  } = {},
): Promise<{ client: Client; running: Running }> {
  const running = program.start(['connect', url, ...args], { keepsInput: true });
  const { stdout, stdin } = running.child;
  const client = new Client({ name: 'test', version: '1' }, { capabilities });
  prepare?.(client);
  await client.connect(new StdioServerTransport(stdout as never, stdin as never));
  return { client, running };
}
