// A host reaches a remote MCP server behind Access, as the README's table says: by `headers` where it
// asks a command for header fields, else by `connect`. What counts is what came to the sandbox's origin.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { makePlace } from './place.js';
import { linesOf, loadSandbox, secretsOf, sitAtTheBrowser } from './whole-job.js';

/** The SDK's server, without sessions and with single messages as answers. */
async function startRemote() {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const mcp = new McpServer({ name: 'remote', version: '1.0.0' });
    mcp.registerTool('look_up', { description: 'Looks something up.' }, () => ({
      content: [{ type: 'text', text: 'found' }],
    }));
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await mcp.connect(transport);
    await transport.handleRequest(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    close: () => server.close(),
  };
}

/** The sandbox's hook: what Access lets in goes on to the server. */
const passTo =
  (remote) =>
  async ({ host, what, method, headers, body }) => {
    if (host !== 'managed-oauth' || what !== 'origin') return undefined;
    const { accept, 'content-type': type, 'mcp-protocol-version': version } = headers;
    const answer = await fetch(remote, {
      method,
      headers: {
        accept: accept ?? '*/*',
        ...(type ? { 'content-type': type } : {}),
        ...(version ? { 'mcp-protocol-version': version } : {}),
      },
      ...(method === 'POST' ? { body } : {}),
    });
    return {
      status: answer.status,
      headers: { 'content-type': answer.headers.get('content-type') ?? 'text/plain' },
      body: await answer.text(),
    };
  };

/**
 * @param {import('./hosts.js').Host} host
 * @param {string} bin
 * @returns {Promise<{ problems: string[], said: string }>}
 */
export async function reachRemote({ bin: name, remote }, bin) {
  const { startSandbox, signInAs } = await loadSandbox();
  const server = await startRemote();
  const sandbox = await startSandbox({ fault: passTo(server.url) });
  const url = new URL('/mcp', sandbox.applications['managed-oauth'].url).href;
  const files = await mkdtemp(join(tmpdir(), 'cloudflare-access-remote-'));
  const [browser, opened] = ['browser', 'opened'].map((each) => join(files, each));
  const visit = fileURLToPath(new URL('../support/browser-visit.js', import.meta.url));
  await writeFile(browser, `#!/bin/sh\nexec '${process.execPath}' '${visit}' '${opened}' "$1"\n`);
  await chmod(browser, 0o755);
  const settings = { BROWSER: browser, CF_ACCESS_HEADLESS: '0' };
  const place = await makePlace(join(bin, name), settings, { installed: true });
  const leaveTheBrowser = sitAtTheBrowser(opened, (address) =>
    signInAs(address, sandbox.people[0]),
  );
  /** @type {string[]} */
  const problems = [];
  try {
    if (remote.afterLogin) await place.ours(['login', url]);
    await remote.register(place, url);
    const said = await remote.list(place);
    if (!remote.says.test(said)) problems.push('the host does not say that it is connected');
    const admitted = sandbox.requests.filter(
      ({ host, what, method }) =>
        host === 'managed-oauth' && what === 'origin' && method === 'POST',
    );
    for (const wanted of ['"initialize"', '"tools/list"']) {
      const came = admitted.find(({ body }) => body.includes(wanted));
      if (!/^Bearer oauth:/.test(String(came?.headers.authorization))) {
        problems.push(`${wanted} did not come to the origin with the credential`);
      }
    }
    const tabs = await linesOf(opened);
    if (tabs.length !== 1) problems.push(`${tabs.length} tabs instead of one`);
    for (const secret of await secretsOf(sandbox, place.home)) {
      if (said.includes(secret)) problems.push(`the host shows ${secret.slice(0, 8)}…`);
    }
    return { problems, said };
  } finally {
    await leaveTheBrowser();
    await place.remove();
    await rm(files, { recursive: true, force: true });
    await sandbox.close();
    server.close();
  }
}
