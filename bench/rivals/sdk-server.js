/**
 * A server as the SDK's README writes it: one tool, not bundled. The tool does nothing but ask undici,
 * with the token in the environment: what any server on this SDK takes for a call, at the least.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { request } from 'undici';
import * as z from 'zod';

const headers = { authorization: `Bearer ${process.env.TOKEN}` };
const server = new McpServer({ name: 'one-tool', version: '1.0.0' });
server.registerTool(
  'fetch',
  { description: 'Fetches a URL.', inputSchema: { url: z.string() } },
  async ({ url }) => {
    const { body } = await request(url, { headers });
    return { content: [{ type: 'text', text: await body.text() }] };
  },
);
await server.connect(new StdioServerTransport());
