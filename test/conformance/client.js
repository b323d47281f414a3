/**
 * The client that a suite starts, with the address of its MCP server as the argument: it speaks MCP to
 * that server through `access_fetch` of the built server, so that all authorization is ours. What came
 * out of it is written to `outcome.json` in the folder that CONFORMANCE_FOLDER names.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const url = process.argv[2] ?? '';
const {
  CONFORMANCE_FOLDER: folder = '',
  CONFORMANCE_CALLBACK_PORT: port = '',
  CONFORMANCE_CLIENT_ID: metadataDocument,
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '2025-11-25',
  MCP_CONFORMANCE_CONTEXT: context = '{}',
} = process.env;
const {
  client_id: clientId = metadataDocument,
  client_secret: clientSecret,
  issuer,
} = JSON.parse(context);

const browser = join(folder, 'browser');
const opener = fileURLToPath(new URL('browser.js', import.meta.url));
await writeFile(browser, `#!/bin/sh\nexec '${process.execPath}' '${opener}' "$1"\n`);
await chmod(browser, 0o755);

/** @param {Record<string, string>} client */
async function startHost(client) {
  const host = new Client({ name: 'conformance', version: '1' });
  await host.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [fileURLToPath(new URL('../../dist/main.js', import.meta.url))],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        BROWSER: browser,
        CF_ACCESS_DATA_DIR: join(folder, 'data'),
        CF_ACCESS_HEADLESS: '0',
        CF_ACCESS_CALLBACK_PORT: port,
        CF_ACCESS_LOG: 'info',
        ...client,
      },
      stderr: 'inherit',
    }),
  );
  return host;
}

/** A client that was registered beforehand: a secret goes to the server alone that is named with it. */
async function registeredClient() {
  if (!clientId) return {};
  if (!clientSecret) return { CF_ACCESS_OAUTH_CLIENT_ID: clientId };
  return {
    CF_ACCESS_OAUTH_CLIENT_ID: clientId,
    CF_ACCESS_OAUTH_CLIENT_SECRET: clientSecret,
    CF_ACCESS_AUTHORIZATION_SERVERS: `${issuer ?? (await lookUpIssuer())}=${new URL(url).hostname}`,
  };
}

/** As whoever has registered a client knows it; only the newer suite tells. */
async function lookUpIssuer() {
  const answer = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url));
  const [first] = (await answer.json()).authorization_servers;
  return first;
}

const host = await startHost(await registeredClient());
const isStateless = revision >= '2026';
let id = 0;

/** @param {string} method @param {object} [params] */
async function send(method, params = {}) {
  const isNotification = method.startsWith('notifications/');
  id += 1;
  const meta = {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientInfo': { name: 'conformance', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const message = {
    jsonrpc: '2.0',
    ...(isNotification ? {} : { id }),
    method,
    params: isStateless ? { ...params, _meta: meta } : params,
  };
  const result = await host.callTool(
    {
      name: 'access_fetch',
      arguments: {
        url,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': revision,
          ...(isStateless ? { 'mcp-method': method } : {}),
          ...(isStateless && 'name' in params ? { 'mcp-name': String(params.name) } : {}),
        },
        body: JSON.stringify(message),
        timeout_seconds: 20,
      },
    },
    undefined,
    { timeout: 60_000 },
  );
  const [first, second] = /** @type {{ text?: string }[]} */ (result.content);
  const said = JSON.parse(first?.text ?? '{}');
  if (said.error) throw new Refused(said.error);
  process.stderr.write(`${method}: ${said.status} ${said.auth} ${second?.text ?? ''}\n`);
  if (said.status >= 400) throw new Refused({ code: `http_${said.status}`, message: '' });
}

class Refused extends Error {
  /** @param {{ code: string, message: string }} error */
  constructor({ code, message }) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** @param {{ code: string | null, message: string }} outcome */
const report = (outcome) => writeFile(join(folder, 'outcome.json'), JSON.stringify(outcome));

try {
  if (!isStateless) {
    const clientInfo = { name: 'conformance', version: '1' };
    await send('initialize', { protocolVersion: revision, capabilities: {}, clientInfo });
    await send('notifications/initialized');
  }
  await send('tools/list');
  await send('tools/call', { name: 'test-tool', arguments: {} });
  await report({ code: null, message: '' });
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  process.stderr.write(`${error.message}\n`);
  await report({ code: error.code, message: error.message });
  process.exitCode = 1;
} finally {
  await host.close();
}
