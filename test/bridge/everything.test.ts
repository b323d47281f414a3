/** `connect` and the server that shows everything MCP has, in both of its transports over HTTP. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  CreateMessageRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { createProgram, type Program, startProcess } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import { connectClient } from '../support/connected.ts';
import { type GuardedEdge, passTo, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const folder = dirname(
  createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json'),
);

async function startEverything(transport: 'streamableHttp' | 'sse'): Promise<number> {
  const port = await freePort();
  const server = startProcess(process.execPath, [join(folder, 'dist/index.js'), transport], {
    environment: { PATH: process.env.PATH ?? '', PORT: String(port) },
    keepsInput: true,
  });
  ending.push(async () => {
    server.child.kill('SIGKILL');
    await server.ended;
  });
  await eventually(
    () => /listening on port|running on port/.test(server.stderr()) || undefined,
    20_000,
  );
  return port;
}

describe.each([
  ['streamableHttp', '/mcp'],
  ['sse', '/sse'],
] as const)('over %s', (transport, path) => {
  it('lists, calls, is asked, is told of progress and of changes, and leaves', async () => {
    const program: Program = await createProgram();
    ending.push(() => program.remove());
    const edge: GuardedEdge = await startGuardedEdge(passTo(await startEverything(transport)));
    ending.push(() => edge.close());
    const asked: string[] = [];
    const told: unknown[] = [];
    const connecting = connectClient(program, edge.origin + path, {
      capabilities: { sampling: {}, roots: { listChanged: true } },
      prepare(client) {
        client.setRequestHandler(CreateMessageRequestSchema, () => {
          asked.push('sampling');
          return { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } };
        });
        client.setRequestHandler(ListRootsRequestSchema, () => {
          asked.push('roots');
          return { roots: [{ uri: 'file:///tmp', name: 'tmp' }] };
        });
        client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
          told.push(params.data);
        });
      },
    });
    await visit(await eventually(async () => (await program.opened())[0]));
    const { client, running } = await connecting;
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(8);
    expect(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: hello' }],
    });
    const sampled = await client.callTool({
      name: 'trigger-sampling-request',
      arguments: { prompt: 'who?', maxTokens: 10 },
    });
    expect(JSON.stringify(sampled)).toContain('sampled');
    await eventually(() => asked.includes('roots') || undefined);
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.5, steps: 5 } },
      undefined,
      { onprogress: () => {} },
    );
    // The SDK's client forgets the last one where the result comes with it.
    const progress = [...running.stdout().matchAll(/"notifications\/progress".*"progress":(\d)/g)];
    expect(progress.map(([, each]) => each)).toEqual(['1', '2', '3', '4', '5']);
    expect((await client.listPrompts()).prompts.length).toBeGreaterThan(1);
    expect((await client.listResources()).resources.length).toBeGreaterThan(1);
    expect(edge.requests.filter(({ admitted }) => !admitted).length).toBeLessThanOrEqual(2);
    running.child.stdin?.end();
    expect((await running.ended).code).toBe(0);
    expect(edge.requests.at(-1)?.method).toBe(transport === 'sse' ? 'POST' : 'DELETE');
    await eventually(() => edge.connections.size === 0 || undefined);
  });
});
