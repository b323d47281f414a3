/** The handshake that is answered without the SDK is the SDK's own, and nothing is lost behind it. */
import { cp, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFront } from '../../src/tools/front.ts';
import { builtServer, eventually, spawnServer, temporaryFolder } from '../support/mcp-server.ts';

let place: string;
/** The same build without the recorded handshake: the SDK answers everything. */
let withoutHandshake: string;

beforeAll(async () => {
  place = await temporaryFolder();
  await cp(dirname(builtServer), join(place, 'dist'), { recursive: true });
  await rm(join(place, 'dist', 'handshake.json'));
  await symlink(
    new URL('../../package.json', import.meta.url).pathname,
    join(place, 'package.json'),
  );
  withoutHandshake = join(place, 'dist', 'main.js');
});
afterAll(() => rm(place, { recursive: true, force: true }));

const initialize = (protocolVersion: string, more: object = {}) => ({
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: {
    protocolVersion,
    capabilities: { elicitation: { url: {} }, roots: {} },
    clientInfo: { name: 'test', version: '1' },
    ...more,
  },
});
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
const lists = ['ping', 'prompts/list', 'resources/list', 'resources/templates/list'].map(
  (method) => ({
    jsonrpc: '2.0',
    id: method,
    method,
  }),
);

/** What the server says to `lines`, each sent in one piece or byte by byte. */
async function conversation(
  program: string,
  lines: readonly unknown[],
  { answers, pieces = false }: { answers: number; pieces?: boolean },
): Promise<unknown[]> {
  const child = spawnServer({ HOME: place }, [], program);
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const text = lines
    .map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
    .join('');
  if (pieces) for (const byte of Buffer.from(text)) child.stdin.write(Buffer.of(byte));
  else child.stdin.write(text);
  const heard = await eventually(() => {
    const whole = out.split('\n').slice(0, -1);
    return whole.length >= answers ? whole : undefined;
  });
  child.stdin.end();
  await child.ended;
  // The SDK may answer a wrong request before an earlier right one.
  const order = (message: { id?: unknown }) => String(message.id);
  return heard
    .map((line) => JSON.parse(line))
    .sort((one, other) => order(one).localeCompare(order(other)));
}

describe('the handshake answered early', () => {
  it.each([...SUPPORTED_PROTOCOL_VERSIONS, '1999-01-01'])(
    'is what the SDK answers to version %s',
    async (version) => {
      const lines = [initialize(version), initialized, list, ...lists];
      const early = await conversation(builtServer, lines, { answers: 6 });
      expect(early).toEqual(await conversation(withoutHandshake, lines, { answers: 6 }));
    },
  );

  const odd: [string, unknown[], number][] = [
    ['an initialize without clientInfo', [initialize('2025-06-18', { clientInfo: 1 })], 1],
    ['a second initialize', [initialize('2025-06-18'), initialize('2025-03-26')], 2],
    [
      'a method that does not exist',
      [initialize('2025-06-18'), { jsonrpc: '2.0', id: 9, method: 'x' }],
      2,
    ],
    ['a ping', [initialize('2025-06-18'), { jsonrpc: '2.0', id: 9, method: 'ping' }], 2],
    [
      'a tool that does not exist',
      [
        initialize('2025-06-18'),
        initialized,
        { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'x' } },
      ],
      2,
    ],
    ['a line that is no JSON between others', [initialize('2025-06-18'), '{', list], 2],
  ];
  it.each(odd)('leaves %s to the SDK', async (_, lines, answers) => {
    const early = await conversation(builtServer, lines, { answers });
    expect(early).toEqual(await conversation(withoutHandshake, lines, { answers }));
  });

  it('answers a host whose messages come byte by byte', async () => {
    const lines = [
      initialize('2025-06-18'),
      initialized,
      list,
      { jsonrpc: '2.0', id: 9, method: 'ping' },
    ];
    const heard = await conversation(builtServer, lines, { answers: 3, pieces: true });
    expect(heard).toEqual(await conversation(builtServer, lines, { answers: 3 }));
    expect(heard).toContainEqual({ jsonrpc: '2.0', id: 9, result: {} });
  });
});

it('sends answers that are ready together in one write, and none late', async () => {
  const input = new PassThrough();
  const writes: string[][] = [];
  const output = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      writes.push([String(chunk)]);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  const handshake = {
    protocolVersions: [],
    initialize: { protocolVersion: 'any' },
    lists: {},
    readOnlyLists: {},
  };
  let answer: Writable | undefined;
  startFront({ input, output }, handshake, async (_, toHost) => {
    answer = toHost;
    toHost.write('{"id":"first"}\n');
  });
  input.write(`${JSON.stringify(initialize('any'))}\n`);
  input.write('{"jsonrpc":"2.0","id":1,"method":"tools/call"}\n');
  await eventually(() => answer !== undefined);
  writes.length = 0;
  for (const id of [1, 2, 3]) answer?.write(`{"id":${id}}\n`);
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes).toEqual([['{"id":1}\n', '{"id":2}\n', '{"id":3}\n']]);
  answer?.write('{"id":4}\n');
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes.at(-1)).toEqual(['{"id":4}\n']);
});
