/** A proxy that gives no tunnel: its connections are let go with the wait for them. */
import { expect, onTestFinished, test } from 'vitest';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { createSend } from '../../src/http/send.ts';
import { inTime } from '../support/in-time.ts';
import { eventually } from '../support/mcp-server.ts';
import { rawOrigin } from './origin.ts';

test('a CONNECT that is not answered ends in 10 s, whatever became of its request', {
  timeout: 30_000,
}, async () => {
  let open = 0;
  let asked = '';
  const proxy = await rawOrigin((socket, data) => {
    open += 1;
    asked += data;
    socket.on('close', () => {
      open -= 1;
    });
  });
  const dispatcher = createDispatcher({ https: proxy.href });
  onTestFinished(() => dispatcher.destroy());
  const url = new URL('https://app.example.com/');
  const send = createSend(dispatcher);
  const request = send({ method: 'GET', url, headers: [], signal: inTime(500) });
  await expect(request).rejects.toMatchObject({ code: 'timeout' });
  expect(asked).toContain('CONNECT app.example.com:443');
  expect(open).toBe(1);
  await eventually(() => open === 0 || undefined, 13_000);
});
