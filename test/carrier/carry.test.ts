/** Bytes between a local end and a WebSocket whose other end does as it likes. */
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { carry } from '../../src/carrier/carry.ts';

afterEach(() => void vi.useRealTimers());

async function* nothing(): AsyncGenerator<Buffer> {
  await new Promise(() => {});
}

it('leaves a server that goes on talking when nobody takes what it says', async () => {
  vi.useFakeTimers();
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, written) => written() });
  const talking = setInterval(() => void socket.push(Buffer.from([0x82, 1, 0x78])), 100);
  const writable = new PassThrough().resume();
  let isOver = false;
  const over = carry({ chunks: nothing(), writable }, socket, {
    url: new URL('https://ssh.example.com'),
    signal: new AbortController().signal,
  }).finally(() => {
    isOver = true;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isOver).toBe(false);
  writable.destroy();
  await vi.advanceTimersByTimeAsync(11_000);
  clearInterval(talking);
  expect(isOver).toBe(true);
  await over;
});
