/**
 * A quick origin for the measurements, as a process of its own: `…/bytes/<n>` and `…/text/<n>` give n
 * bytes, `…/page/<n>` a page of about so many, and whatever is sent is taken. Only with the token in argv; it stands for an application behind Access.
 */
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { documentation } from './page-sources.js';

const token = process.argv[2];
const block = Buffer.alloc(1024 * 1024);
for (let at = 0, state = 1; at < block.length; at += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  block.writeUInt32LE(state, at);
}
const texts = new Map();

function text(size) {
  const made = texts.get(size) ?? Buffer.alloc(size, 'All work and no play makes a dull page.\n');
  texts.set(size, made);
  return made;
}

function* parts(size) {
  for (let left = size; left > 0; left -= block.length) {
    yield left >= block.length ? block : block.subarray(0, left);
  }
}

const server = createServer(async (request, response) => {
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(403).end('the token is missing\n');
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'PUT') {
    let bytes = 0;
    for await (const part of request) bytes += part.length;
    response.end(String(bytes));
    return;
  }
  // Whatever comes before these two stands for applications of a host's own.
  const [kind, length] = pathname.split('/').slice(-2);
  const size = Number(length);
  const delayMs = Number(searchParams.get('delay') ?? 0);
  if (delayMs > 0) await sleep(delayMs);
  const isText = kind === 'text';
  if (kind === 'page') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(documentation(size));
    return;
  }
  response.writeHead(200, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    'content-length': size,
  });
  if (isText) response.end(text(size));
  else pipeline(Readable.from(parts(size), { objectMode: false }), response, () => {});
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
