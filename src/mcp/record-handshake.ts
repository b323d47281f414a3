/**
 * Runs during the build only: prints the answers of the SDK's server to a host's first requests, from
 * which handshake.ts answers without the SDK.
 */
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import {
  type JSONRPCMessage,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import type { Handshake } from './handshake.ts';
import { createServer } from './server.ts';

/** The version in package.json, inserted by the bundler. */
declare const VERSION: string;

const lists = ['ping', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

type Ask = (method: string, params?: object) => Promise<never>;

async function startServer(readOnly: boolean): Promise<Ask> {
  const server = createServer({
    version: VERSION,
    log: () => {},
    readOnly,
    open: () => Promise.reject(new Error('no tool is called during the build')),
  });
  const [host, ours] = InMemoryTransport.createLinkedPair();
  await server.connect(ours);
  return async (method, params = {}) => {
    const answered = new Promise<JSONRPCMessage>((resolve) => {
      host.onmessage = resolve;
    });
    await host.send({ jsonrpc: '2.0', id: method, method, params: { ...params } });
    const answer = await answered;
    if (!('result' in answer)) throw new Error(`${method} was not answered`);
    return answer.result as never;
  };
}

async function answers(ask: Ask, methods: readonly string[]): Promise<Record<string, object>> {
  const results: [string, object][] = [];
  for (const method of methods) results.push([method, await ask(method)]);
  return Object.fromEntries(results);
}

const ask = await startServer(false);
const initialize: Handshake['initialize'] = await ask('initialize', {
  protocolVersion: 'unknown',
  capabilities: {},
  clientInfo: { name: 'build', version: VERSION },
});
const handshake: Handshake = {
  protocolVersions: SUPPORTED_PROTOCOL_VERSIONS,
  initialize,
  lists: await answers(ask, lists),
  readOnlyLists: await answers(await startServer(true), ['tools/list']),
};
process.stdout.write(JSON.stringify(handshake));
