/**
 * A minimal MCP host: starts the built server as a child process and talks to it over stdio with the SDK's
 * own client. The only file of this room that uses the SDK, because a demo without a real client would
 * prove nothing.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

export interface ToolResult {
  readonly isError: boolean;
  /** The first block's JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The second block's text: what access_fetch got. */
  readonly body: string;
}

export interface Host {
  readonly tools: readonly string[];
  /** What the server printed on stderr, to diagnose a failure. */
  stderr(): string;
  call(name: string, args: Record<string, unknown>): Promise<ToolResult>;
  close(): Promise<void>;
}

export async function startHost(options: {
  /** The built program. */
  readonly program: string;
  readonly environment: Record<string, string>;
  readonly version: string;
  readonly signal: AbortSignal;
  /** For one call, in milliseconds. */
  readonly timeoutMs: number;
}): Promise<Host> {
  const { program, environment, version, signal, timeoutMs } = options;
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [program],
    env: environment,
    stderr: 'pipe',
  });
  let printed = '';
  transport.stderr?.on('data', (chunk) => {
    printed = (printed + chunk).slice(-4000);
  });
  const client = new Client({ name: 'cloudflare-access-mcp-demo', version });
  try {
    await client.connect(transport, { signal, timeout: timeoutMs });
    const { tools } = await client.listTools(undefined, { signal, timeout: timeoutMs });
    return {
      tools: tools.map(({ name }) => name),
      stderr: () => printed,
      async call(name, args) {
        const result = await client.callTool({ name, arguments: args }, undefined, {
          signal,
          timeout: timeoutMs,
        });
        const [first, second] = result.content as { text?: string }[];
        return {
          isError: result.isError === true,
          json: JSON.parse(first?.text ?? '{}'),
          body: second?.text ?? '',
        };
      },
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
