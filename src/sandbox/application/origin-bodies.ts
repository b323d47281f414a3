/** The origin's special bodies: long, endless, compressed, an image. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { type Answer, text } from '../server/answer.ts';

/** `count` bytes; the byte at index n is n modulo 251. */
export function bytes(count: number): Answer {
  if (!Number.isSafeInteger(count) || count < 0) return text(400, 'Not a number of bytes');
  // A block whose length is a multiple of 251 can be repeated.
  const block = Buffer.from(Array.from({ length: 251 * 256 }, (_, index) => index % 251));
  const parts = function* () {
    for (let left = count; left > 0; left -= block.length) {
      yield left >= block.length ? block : block.subarray(0, left);
    }
  };
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(count) },
    body: Readable.from(parts(), { objectMode: false }),
  };
}

/** Server-sent events without an end. */
export function events(): Answer {
  const endless = async function* () {
    for (let count = 0; ; count++) {
      yield `id: ${count}\ndata: tick ${count}\n\n`;
      await sleep(50);
    }
  };
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
    body: Readable.from(endless(), { objectMode: false }),
  };
}

/** 666 MiB of spaces in some 650 kB; compressed as it is read. */
export function gzipBomb(): Answer {
  const block = Buffer.alloc(1024 * 1024, 0x20);
  const spaces = function* () {
    for (let count = 0; count < 666; count++) yield block;
  };
  const source = Readable.from(spaces(), { objectMode: false });
  const gzip = createGzip({ level: 6 });
  gzip.once('close', () => source.destroy());
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' },
    body: source.pipe(gzip),
  };
}

/** A PNG of 8 by 8 pixels, orange. */
export function picture(): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'image/png' },
    body: Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGP43KCAFTEMLQkAktFkwYtUsMYAAAAASUVORK5CYII=',
      'base64',
    ),
  };
}
