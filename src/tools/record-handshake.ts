/**
 * A program of the build, not shipped: prints what the SDK's server answers to a host's first
 * questions, for handshake.ts to give without the SDK.
 */
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import {
  type JSONRPCMessage,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import type { Handshake } from './handshake.ts';
import { createServer } from './server.ts';

/** package.json's, put in by the bundler. */
declare const VERSION: string;

const lists = ['ping', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

const server = createServer({
  version: VERSION,
  log: () => {},
  open: () => Promise.reject(new Error('nothing is called while building')),
});
const [host, ours] = InMemoryTransport.createLinkedPair();
await server.connect(ours);

const ask = async (method: string, params: object = {}): Promise<never> => {
  const answered = new Promise<JSONRPCMessage>((resolve) => {
    host.onmessage = resolve;
  });
  await host.send({ jsonrpc: '2.0', id: method, method, params: { ...params } });
  const answer = await answered;
  if (!('result' in answer)) throw new Error(`${method} was not answered`);
  return answer.result as never;
};

const initialize: Handshake['initialize'] = await ask('initialize', {
  protocolVersion: 'unknown',
  capabilities: {},
  clientInfo: { name: 'build', version: VERSION },
});
await host.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
const answers: [string, object][] = [];
for (const method of lists) answers.push([method, await ask(method)]);
const handshake: Handshake = {
  protocolVersions: SUPPORTED_PROTOCOL_VERSIONS,
  initialize,
  lists: Object.fromEntries(answers),
};
process.stdout.write(JSON.stringify(handshake));
