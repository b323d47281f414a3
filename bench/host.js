/** A host of MCP servers: the SDK's client over stdio. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { program } from './processes.js';

/**
 * @param {object} options
 * @param {string} options.dataDir
 * @param {string} [options.cwd]
 * @param {readonly string[]} [options.nodeArgs]
 * @param {Record<string, string>} [options.environment]
 * @param {string} [options.server] a rival's script in the place of ours
 */
export async function startHost({
  dataDir,
  cwd = dataDir,
  nodeArgs = [],
  environment = {},
  server = program,
}) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...nodeArgs, server],
    cwd,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: dataDir,
      // A browser that cannot be started: the address comes in the result.
      BROWSER: 'false',
      CF_ACCESS_DATA_DIR: dataDir,
      CF_ACCESS_HEADLESS: '0',
      ...environment,
    },
    stderr: 'ignore',
  });
  const client = new Client({ name: 'bench', version: '1' }, { capabilities: {} });
  await client.connect(transport);

  /**
   * @param {string} name
   * @param {Record<string, unknown>} args
   */
  const call = async (name, args) => {
    const { content, isError } = await client.callTool({ name, arguments: args }, undefined, {
      timeout: 600_000,
    });
    return { isError: isError === true, head: JSON.parse(content[0].text), content };
  };
  return {
    pid: transport.pid ?? 0,
    call,
    /** @param {string} url */
    plainCall: (url) => client.callTool({ name: 'fetch', arguments: { url } }),
    /**
     * Throws unless the answer is 200 and a credential was sent.
     *
     * @param {string} url
     * @param {Record<string, unknown>} [args]
     */
    async fetch(url, args = {}) {
      const { head } = await call('access_fetch', { url, ...args });
      if (head.status !== 200 || head.auth === 'none') throw new Error(JSON.stringify(head));
      return head;
    },
    close: () => client.close(),
  };
}
