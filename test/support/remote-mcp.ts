/** A remote MCP server of the SDK's, to be put behind an edge: what it is asked, and what it has done. */
import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

export interface RemoteMcp {
  readonly onRequest: RequestListener;
  /** The tools that have run, and those that were cancelled. */
  readonly done: string[];
  /** Sessions that are open. */
  readonly sessions: ReadonlyMap<string, StreamableHTTPServerTransport>;
  /** As after a restart. */
  forget(): void;
  /** To every session's own stream. */
  announce(): Promise<void>;
}

export interface RemoteMcpOptions {
  readonly stateless?: true;
  /** Answers are single messages, not streams. */
  readonly json?: true;
  /** What an unknown session is answered with; 404 by the specification. */
  readonly forgets?: 400 | 404;
}

export function createRemoteMcp({
  stateless,
  json = undefined,
  forgets = 404,
}: RemoteMcpOptions = {}): RemoteMcp {
  const done: string[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const servers = new Set<McpServer>();

  const createServer = (): McpServer => {
    const server = new McpServer(
      { name: 'remote', version: '1' },
      { capabilities: { logging: {} } },
    );
    const text = (what: unknown) => ({
      content: [
        { type: 'text' as const, text: typeof what === 'string' ? what : JSON.stringify(what) },
      ],
    });
    server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text: given }, extra) => {
      done.push(`echo ${given}`);
      return text(`${given} ${extra.requestInfo?.headers.authorization ?? ''}`);
    });
    server.registerTool('ask', { inputSchema: {} }, async () => {
      const answer = await server.server.createMessage({
        messages: [{ role: 'user', content: { type: 'text', text: 'who?' } }],
        maxTokens: 5,
      });
      return text(answer.content);
    });
    server.registerTool(
      'slow',
      { inputSchema: {} },
      async (_, { signal, sendNotification, _meta }) => {
        for (let progress = 1; progress <= 3; progress += 1) {
          const progressToken = _meta?.progressToken ?? 'none';
          await sendNotification({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 3 },
          });
        }
        done.push('slow begun');
        await sleep(20_000, undefined, { signal }).catch(() => done.push('slow cancelled'));
        return text('slow');
      },
    );
    servers.add(server);
    return server;
  };

  return {
    done,
    sessions,
    async onRequest(request, response) {
      const { 'mcp-session-id': given } = request.headers;
      const known = sessions.get(String(given));
      if (known) return void known.handleRequest(request, response);
      if (given !== undefined) {
        response.writeHead(forgets, { 'content-type': 'application/json' });
        const error = { code: -32000, message: 'No valid session' };
        response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
        request.resume();
        return;
      }
      if (stateless && request.method !== 'POST') return void response.writeHead(405).end();
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: stateless ? undefined : randomUUID,
        ...(json ? { enableJsonResponse: true } : {}),
        onsessioninitialized: (id) => void sessions.set(id, transport),
        onsessionclosed: (id) => void sessions.delete(String(id)),
      } as ConstructorParameters<typeof StreamableHTTPServerTransport>[0]);
      await createServer().connect(transport as never);
      await transport.handleRequest(request, response);
    },
    forget: () => sessions.clear(),
    async announce() {
      for (const server of servers) {
        await server.sendLoggingMessage({ level: 'info', data: 'news' }).catch(() => {});
      }
    },
  };
}
