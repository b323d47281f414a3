/** The handshake that is answered without the SDK is the SDK's own, and nothing is lost behind it. */
import { cp, readdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answers, startFront } from '../../src/mcp/front.ts';
import { builtServer, eventually, spawnServer, temporaryFolder } from '../support/mcp-server.ts';
import { envelope } from '../support/modern-host.ts';

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

describe('the 2026-07-28 revision', () => {
  const ask = (id: string, method: string, more: object = {}) => ({
    jsonrpc: '2.0',
    id,
    method,
    params: { _meta: envelope(), ...more },
  });
  const modernLists = [
    'tools/list',
    'prompts/list',
    'resources/list',
    'resources/templates/list',
  ].map((method) => ask(method, method));
  const both = async (lines: readonly unknown[], answers: number) => {
    const early = await conversation(builtServer, lines, { answers });
    expect(early).toEqual(await conversation(withoutHandshake, lines, { answers }));
    return early as { id: string; result?: object; error?: object }[];
  };

  it('is answered early as the SDK’s server would, with what says how long a list holds', async () => {
    const answers = await both([ask('discover', 'server/discover'), ...modernLists], 5);
    for (const { id, result } of answers) {
      expect(result, id).toMatchObject({
        resultType: 'complete',
        ttlMs: expect.any(Number),
        cacheScope: 'private',
        _meta: {
          'io.modelcontextprotocol/serverInfo': { name: 'cloudflare-access-mcp' },
        },
      });
    }
    expect(answers.find(({ id }) => id === 'discover')?.result).toMatchObject({
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      instructions: expect.stringContaining('access_fetch'),
    });
  });

  it('is answered without loading the SDK', async () => {
    // The SDK comes with this file: without it nothing is answered but early.
    const bare = join(place, 'bare');
    await cp(join(place, 'dist'), bare, { recursive: true });
    await cp(join(dirname(builtServer), 'handshake.json'), join(bare, 'handshake.json'));
    for (const name of await readdir(join(bare, 'chunks'))) {
      if (name.startsWith('server-')) await rm(join(bare, 'chunks', name));
    }
    const lines = [ask('discover', 'server/discover'), ...modernLists];
    const answers = await conversation(join(bare, 'main.js'), lines, { answers: 5 });
    expect(answers).toHaveLength(5);
  });

  it('leaves the same process to a host that goes on in an older one', async () => {
    const lines = [ask('discover', 'server/discover'), initialize('2025-11-25'), initialized, list];
    await both(lines, 3);
  });

  const version = 'io.modelcontextprotocol/protocolVersion';
  const capabilities = 'io.modelcontextprotocol/clientCapabilities';
  const without = (key: string) =>
    Object.fromEntries(Object.entries(envelope()).filter(([name]) => name !== key));
  it.each<[string, string, object, number, RegExp]>([
    ['no envelope', 'server/discover', {}, -32602, /protocolVersion: missing/],
    ['no version', 'server/discover', without(version), -32602, /protocolVersion: missing/],
    ['no capabilities', 'tools/list', without(capabilities), -32602, /Capabilities: missing/],
    [
      'capabilities that are none',
      'tools/list',
      { ...envelope(), [capabilities]: [] },
      -32602,
      /not an object/,
    ],
    [
      'a version that is no text',
      'tools/call',
      { ...envelope(), [version]: 7 },
      -32602,
      /not a string/,
    ],
    [
      'a nameless client',
      'tools/list',
      { ...envelope(), 'io.modelcontextprotocol/clientInfo': {} },
      -32602,
      /no name/,
    ],
    [
      'another version',
      'tools/call',
      { ...envelope(), [version]: '2027-01-01' },
      -32022,
      /Unsupported/,
    ],
    [
      'an older version',
      'tools/list',
      { ...envelope(), [version]: '2025-11-25' },
      -32022,
      /Unsupported/,
    ],
    ['a method that went', 'ping', envelope(), -32601, /not found/],
    ['the older handshake', 'initialize', envelope(), -32601, /not found/],
  ])('refuses %s', async (_, method, _meta, code, message) => {
    const [answer] = await both([ask('one', method, { _meta, name: 'detect_protection' })], 1);
    expect(answer?.error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (code === -32022)
      expect(answer?.error).toMatchObject({ data: { supported: ['2026-07-28'] } });
  });

  it('has nothing to subscribe to, and says so', async () => {
    const listen = ask('listen', 'subscriptions/listen', {
      notifications: { toolsListChanged: true },
    });
    const [answer] = await both([listen], 1);
    expect(answer).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: {}, _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen' } },
    });
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
  let answer: Answers | undefined;
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
