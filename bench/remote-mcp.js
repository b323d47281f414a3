/**
 * A remote MCP server as the SDK's README writes it, over Streamable HTTP with sessions: one tool that
 * gives back a text. Only with the token in argv; it stands for one behind Access.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod';

const token = process.argv[2];
/** @type {Map<string, StreamableHTTPServerTransport>} */
const sessions = new Map();

const server = createServer({ requestTimeout: 0 }, async (request, response) => {
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(403).end('the token is missing\n');
    return;
  }
  const known = sessions.get(String(request.headers['mcp-session-id']));
  if (known) {
    await known.handleRequest(request, response);
    return;
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const mcp = new McpServer({ name: 'one-tool', version: '1.0.0' });
  mcp.registerTool(
    'echo',
    { description: 'Says it again.', inputSchema: { text: z.string() } },
    ({ text }) => ({ content: [{ type: 'text', text }] }),
  );
  await mcp.connect(transport);
  await transport.handleRequest(request, response);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
