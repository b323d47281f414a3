/** Large uploads through `forward`: whole whatever the origin's pace, in memory that does not grow. */
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import { createCertificate } from '../support/certificate.ts';
import { startForward } from '../support/forwarding.ts';

const mebibyte = 1024 * 1024;
const hook = new URL('../support/highest-buffers.cjs', import.meta.url).pathname;
const certificate = createCertificate(['localhost']);

let program: Program;
beforeEach(async () => {
  program = await createProgram();
});
afterEach(() => program.remove());

/** An origin that nobody guards. It reads a mebibyte, rests, and answers with the content's SHA-256. */
async function startOrigin(scheme: 'http' | 'https'): Promise<string> {
  const answer = async (request: IncomingMessage): Promise<string> => {
    const hash = createHash('sha256');
    let unrested = 0;
    for await (const part of request) {
      hash.update(part);
      unrested += part.length;
      if (unrested < mebibyte) continue;
      unrested = 0;
      await sleep(1 + Math.random() * 4);
    }
    return hash.digest('hex');
  };
  const server = scheme === 'http' ? createServer() : createTlsServer(certificate);
  server.on('request', (request, response) => {
    void answer(request).then((text) => response.end(text));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `${scheme}://localhost:${(server.address() as AddressInfo).port}`;
}

it.each([
  { scheme: 'http', framing: 'its length' },
  { scheme: 'https', framing: 'its length' },
  { scheme: 'http', framing: 'chunks' },
] as const)('an upload over $scheme with $framing', async ({ scheme, framing }) => {
  const blocks = 128;
  const certificateFile = join(program.place, 'certificate');
  const highestFile = join(program.place, 'highest');
  await writeFile(certificateFile, certificate.cert);
  const forward = await startForward(program, await startOrigin(scheme), [], {
    environment: {
      NODE_EXTRA_CA_CERTS: certificateFile,
      NODE_OPTIONS: `--require ${hook}`,
      HIGHEST_BUFFERS: highestFile,
    },
  });
  const sending = httpRequest(`${forward.local}/`, {
    method: 'PUT',
    ...(framing === 'chunks' ? {} : { headers: { 'content-length': blocks * mebibyte } }),
  });
  const answered = once(sending, 'response');
  const sent = createHash('sha256');
  for (let block = 0; block < blocks; block += 1) {
    const content = randomFillSync(Buffer.allocUnsafeSlow(mebibyte));
    sent.update(content);
    // Of many sizes, so that chunks end anywhere in what is read at once.
    for (let at = 0, size = 0; at < mebibyte; at += size) {
      size = Math.ceil(Math.random() * 200_000);
      if (!sending.write(content.subarray(at, at + size))) await once(sending, 'drain');
    }
  }
  sending.end();
  const [answer] = (await answered) as [IncomingMessage];
  let received = '';
  for await (const part of answer) received += part;
  expect(received).toBe(sent.digest('hex'));
  expect(await forward.end()).toBe(0);
  // V8 by itself lets 32 MiB gather.
  const highest = Number(await readFile(highestFile, 'utf8'));
  expect(highest).toBeGreaterThan(0);
  expect(highest).toBeLessThan(8 * mebibyte);
});
