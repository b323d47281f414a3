/** What the SDK's server did for calls before they were answered without it, as a host sees it on the wire. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually, spawnServer, temporaryFolder } from '../support/mcp-server.ts';

type Message = { id?: unknown; result?: object; error?: object; method?: string };

let place: string;
let child: ReturnType<typeof spawnServer>;
let heard: Message[];
/** Answers nothing by itself. */
let origin: Server;
let asked: ServerResponse[];

beforeEach(async () => {
  place = await temporaryFolder();
  asked = [];
  origin = createServer((_, response) => void asked.push(response)).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  heard = [];
  child = spawnServer({ HOME: place });
  let unread = '';
  child.stdout.on('data', (chunk) => {
    const lines = (unread + chunk).split('\n');
    unread = lines.pop() ?? '';
    heard.push(...lines.map((line) => JSON.parse(line)));
  });
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  tell({ id: 'first', method: 'initialize', params });
  tell({ method: 'notifications/initialized' });
});
afterEach(async () => {
  child.stdin.end();
  await child.ended;
  origin.closeAllConnections();
  origin.close();
  await rm(place, { recursive: true, force: true });
});

const tell = (message: object) =>
  child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const fetches = (id: unknown, more: object = {}) => {
  const { port } = origin.address() as AddressInfo;
  const params = { name: 'access_fetch', arguments: { url: `http://127.0.0.1:${port}/`, ...more } };
  tell({ id, method: 'tools/call', params });
};
const answer = (id: unknown) => eventually(() => heard.find((message) => message.id === id));

it.each([0, 7, 'seven'])(
  'a call with the id %j is cancelled: its request ends, unanswered',
  async (id) => {
    fetches(id);
    const [response] = await eventually(() => (asked.length === 1 ? asked : undefined));
    const closed = once(response as ServerResponse, 'close');
    tell({ method: 'notifications/cancelled', params: { requestId: 'another' } });
    tell({ method: 'notifications/cancelled', params: { requestId: id } });
    await closed;
    tell({ id: 'later', method: 'ping' });
    await answer('later');
    expect(heard.filter((message) => message.id === id)).toEqual([]);
  },
);

it('two calls that a host gives the same id both end when it is cancelled', async () => {
  fetches(1);
  fetches(1);
  const responses = await eventually(() => (asked.length === 2 ? asked : undefined));
  const closed = responses.map((response) => once(response, 'close'));
  tell({ method: 'notifications/cancelled', params: { requestId: 1 } });
  await Promise.all(closed);
});

it('a call that is answered is no longer there to be cancelled, and its id can be used again', async () => {
  for (const page of ['one', 'two']) {
    heard.length = 0;
    fetches(1);
    const response = await eventually(() => asked.shift());
    response.end(page);
    expect(await answer(1)).toMatchObject({
      result: { content: [{ type: 'text' }, { type: 'text', text: page }] },
    });
    tell({ method: 'notifications/cancelled', params: { requestId: 1 } });
  }
});

it.each<[string, object]>([
  ['without a name', { arguments: {} }],
  ['with arguments that are no object', { name: 'access_fetch', arguments: ['https://a.example'] }],
  ['with a name that is no text', { name: 7 }],
  ['of a tool that does not exist', { name: 'x' }],
])('a call %s is a wrong request', async (_, params) => {
  tell({ id: 1, method: 'tools/call', params });
  expect(await answer(1)).toMatchObject({ error: { code: -32602 } });
});

it('a call may be told of as a task, which this server does not offer: it is a call all the same', async () => {
  tell({ id: 1, method: 'tools/call', params: { name: 'access_fetch', task: { ttl: 1 } } });
  expect(await answer(1)).toMatchObject({ result: { isError: true } });
});
