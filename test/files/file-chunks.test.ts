/** A file that is sent from two buffers arrives as it is, over undici and over Node's own client. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fileChunks } from '../../src/files/file-chunks.ts';
import { openConnections } from '../../src/http/connections/connections.ts';
import { createSend } from '../../src/http/send.ts';
import { origin } from '../http/origin.ts';
import { inTime } from '../support/in-time.ts';

const noProxy = { no: '' };

async function fileOf(bytes: number): Promise<{ name: string; sha256: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'chunks-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const content = randomBytes(bytes);
  const name = join(folder, 'file');
  await writeFile(name, content);
  return { name, sha256: createHash('sha256').update(content).digest('hex') };
}

/** An origin that reads so slowly that the sender has to wait for it after every chunk. */
async function slowOrigin() {
  const arrived: string[] = [];
  const at = await origin((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk) => {
      hash.update(chunk);
      request.pause();
      setImmediate(() => request.resume());
    });
    request.on('end', () => {
      arrived.push(hash.digest('hex'));
      response.end('taken');
    });
  });
  return { at, arrived };
}

it.each([
  ['undici', false, 9_437_184],
  ['undici', false, 5_000_001],
  ['Node’s client', true, 9_437_184],
  ['Node’s client', true, 5_000_001],
  ['Node’s client', true, 3],
  ['undici', false, 3],
])('over %s (few: %s), %s bytes', async (_name, few, bytes) => {
  const { name, sha256 } = await fileOf(bytes);
  const { at, arrived } = await slowOrigin();
  const connections = openConnections(noProxy, { few });
  onTestFinished(() => connections.destroy());
  const send = createSend(connections);
  const body = { bytes, open: async () => fileChunks(await open(name), bytes) };
  const answer = await send({
    method: 'PUT',
    url: new URL(at),
    headers: [],
    body,
    signal: inTime(),
  });
  answer.body.resume();
  expect(answer.status).toBe(200);
  expect(arrived).toEqual([sha256]);
});

it.each([
  ['undici', false],
  ['Node’s client', true],
])('a file that has become shorter is never taken for a whole one, over %s', async (_name, few) => {
  const { name } = await fileOf(2_000_000);
  const { at, arrived } = await slowOrigin();
  const connections = openConnections(noProxy, { few });
  onTestFinished(() => connections.destroy());
  const body = { bytes: 3_000_000, open: async () => fileChunks(await open(name), 3_000_000) };
  const sending = createSend(connections)({
    method: 'PUT',
    url: new URL(at),
    headers: [],
    body,
    signal: inTime(5_000),
  });
  await expect(sending).rejects.toMatchObject({
    code: 'network_error',
    cause: { code: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' },
  });
  expect(arrived).toEqual([]);
});

it('lets its file go when it is not read to its end', async () => {
  const { name } = await fileOf(3_000_000);
  const handle = await open(name);
  const chunks = fileChunks(handle, 3_000_000);
  for await (const chunk of chunks) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(handle.fd).toBe(-1);
  const unread = await open(name);
  const content = fileChunks(unread, 3_000_000);
  await content.close();
  await content.close();
  expect(unread.fd).toBe(-1);
});
