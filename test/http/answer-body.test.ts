/** What the pools' own answers give, however their bodies arrive, and what the other side sees of it. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { discard } from '../../src/http/peek.ts';
import { createSend } from '../../src/http/send.ts';
import { within } from '../../src/http/waiting/within.ts';
import { inTime } from '../support/in-time.ts';
import { origin, rawOrigin } from './origin.ts';

const text = 'The quick brown fox. '.repeat(50);

function pooledSend() {
  const dispatcher = createDispatcher({});
  onTestFinished(() => dispatcher.destroy());
  return createSend(dispatcher);
}

const get = (url: URL, signal = inTime()) => ({ method: 'GET', url, headers: [], signal });

describe('a short body is the same', () => {
  const ways: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    'with its head': (response) => void response.end(text),
    'after its head': async (response) => {
      response.flushHeaders();
      await sleep(20);
      response.end(text);
    },
    'in pieces': async (response) => {
      for (const piece of [text.slice(0, 100), text.slice(100, 101), text.slice(101)]) {
        response.write(piece);
        await sleep(10);
      }
      response.end();
    },
  };
  for (const [name, answer] of Object.entries(ways)) {
    test(name, async () => {
      const url = await origin((_, response) => void answer(response));
      const send = pooledSend();
      for (const maxBytes of [text.length, text.length - 1]) {
        const { bytes, ...end } = await readBody(await send(get(url)), { maxBytes });
        expect(bytes.toString()).toBe(text.slice(0, maxBytes));
        expect(end).toEqual(
          maxBytes === text.length ? { complete: true } : { complete: false, stopped: 'size' },
        );
      }
    });
  }

  test('to one who waits before reading', async () => {
    const url = await origin((_, response) => void response.end(text));
    const answer = await pooledSend()(get(url));
    await sleep(20);
    expect((await answer.body.toArray()).join('')).toBe(text);
  });

  test('and no read of it is left half-way by one that ends too soon', async () => {
    const url = await rawOrigin((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text.slice(1)}`),
    );
    const reading = readBody(await pooledSend()(get(url)), { maxBytes: 1e6 });
    await expect(reading).rejects.toMatchObject({ code: 'network_error' });
  });
});

test('what nobody reads is not received for ever', async () => {
  const total = 64;
  const piece = Buffer.alloc(1_048_576, 'x');
  let sent = 0;
  const url = await rawOrigin((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total * piece.length}\r\n\r\n`);
    const next = () => {
      sent += 1;
      if (sent < total) socket.write(piece, next);
    };
    socket.write(piece, next);
  });
  const answer = await pooledSend()(get(url));
  let before = -1;
  while (before !== sent) {
    before = sent;
    await sleep(300);
  }
  expect(sent).toBeLessThan(total / 2);
  let received = 0;
  for await (const chunk of answer.body) received += chunk.length;
  expect(received).toBe(total * piece.length);
});

test('a body that is let go, and a short one that is discarded, leave no connection behind', async () => {
  const sockets = new Set<Socket>();
  const url = await origin(async ({ socket, url: path }, response) => {
    sockets.add(socket);
    if (path === '/short') response.end(text);
    else response.write(text);
  });
  const send = pooledSend();
  for (let count = 0; count < 3; count += 1) {
    discard(await send(get(new URL('/short', url))));
    await sleep(20);
  }
  expect(sockets.size).toBe(1);
  const endless = await send(get(new URL('/endless', url)));
  const [socket] = sockets;
  const closed = once(socket as Socket, 'close');
  endless.body.destroy();
  await closed;
});

test('an abort before there is a connection sends nothing, and is told at once', async () => {
  let asked = 0;
  const url = await origin((_, response) => {
    asked += 1;
    setTimeout(() => response.end(text), 100);
  });
  const dispatcher = createDispatcher({}, { connections: 1 });
  onTestFinished(() => dispatcher.destroy());
  const send = createSend(dispatcher);
  const first = send(get(url));
  const caller = new AbortController();
  const second = send(get(url, within(30_000, caller.signal).deadline));
  const refused = expect(second).rejects.toMatchObject({ code: 'cancelled' });
  const abortedAt = performance.now();
  caller.abort();
  await refused;
  expect(performance.now() - abortedAt).toBeLessThan(80);
  expect((await readBody(await first, { maxBytes: 1e6 })).complete).toBe(true);
  const third = await send(get(url));
  expect((await readBody(third, { maxBytes: 1e6 })).complete).toBe(true);
  expect(asked).toBe(2);
});
