/** A page of 600 kB over stdio: others are answered meanwhile, and the server can leave (contract §1, §2). */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { origin } from '../http/origin.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

const paragraph = '<p>Some <b>words</b> of <a href="/x">a page</a> that is long.</p>';
const html = `<h1>Long</h1>${paragraph.repeat(Math.ceil(600_000 / paragraph.length))}`;

let server: TestServer | undefined;
afterEach(() => server?.close());

/** The page is sent whole before `sent` resolves. */
async function scene() {
  const events = new EventTarget();
  const sent = once(events, 'sent');
  const url = await origin((request, response) => {
    if (request.url === '/small') response.end('small');
    else {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(html, () => events.dispatchEvent(new Event('sent')));
    }
  });
  server = await startServer();
  const at = (path: string) => new URL(path, url).href;
  const small = () => server?.call('access_fetch', { url: at('/small') });
  await small();
  return { server, sent, small, large: { url: at('/large'), max_length: 1000 } };
}

test('calls are answered while it is turned into Markdown', async () => {
  const { server, small, large } = await scene();
  const startedAt = performance.now();
  const page = { isDone: false };
  const whole = server.call('access_fetch', large).finally(() => {
    page.isDone = true;
  });
  let answered = 0;
  let longest = 0;
  while (!page.isDone) {
    const askedAt = performance.now();
    expect((await small())?.body).toBe('small');
    longest = Math.max(longest, performance.now() - askedAt);
    if (!page.isDone) answered += 1;
  }
  const took = performance.now() - startedAt;
  const { body, json } = await whole;
  expect(body).toMatch(/^# Long\n\nSome \*\*words\*\* of \[a page]/);
  expect([json.truncated, json.note]).toEqual([true, undefined]);
  expect(answered).toBeGreaterThan(3);
  expect(longest).toBeLessThan(took / 2);
});

test('the server leaves at once in the middle of it', async () => {
  const { server, sent, large } = await scene();
  const call = server.call('access_fetch', large).catch(() => 'ended');
  await sent;
  const startedAt = performance.now();
  process.kill(server.pid, 'SIGTERM');
  await eventually(() => !existsSync(`/proc/${server.pid}`) || undefined);
  expect(performance.now() - startedAt).toBeLessThan(2000);
  await call;
});
