/** What goes wrong on the way, from real sockets, in words that say what to do. */
import { expect, onTestFinished, test } from 'vitest';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { networkFailure } from '../../src/http/failures.ts';
import { createSend } from '../../src/http/send.ts';
import { inTime } from '../support/in-time.ts';
import { origin } from './origin.ts';

async function failureOf(url: URL): Promise<unknown> {
  const dispatcher = createDispatcher({});
  onTestFinished(() => dispatcher.destroy());
  const send = createSend(dispatcher);
  return send({ method: 'GET', url, signal: inTime(), headers: [] }).then(
    () => undefined,
    (error) => error,
  );
}

test('a port of this machine where nothing listens is named', async () => {
  expect(await failureOf(new URL('http://127.0.0.1:1/'))).toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('Nothing listens on port 1 of this machine'),
    nextStep: [{ do: 'start_program', port: expect.any(String) }],
  });
});

test('a refusal elsewhere is not said to be of this machine', () => {
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  const { message } = networkFailure(refused, new URL('https://app.example.com/'));
  expect(message).not.toContain('this machine');
});

test('https to a port that speaks plain http: the other scheme, or another port', async () => {
  const url = await origin((_request, response) => response.end('plain'));
  url.protocol = 'https:';
  expect(await failureOf(url)).toMatchObject({
    code: 'network_error',
    message: expect.stringContaining('speaks no TLS on that port'),
    nextStep: [
      { do: 'correct_input', with: 'http:// (only allowed on this machine) or the right port' },
      { when: 'proxied', do: 'check_proxy' },
    ],
  });
});

test.each([
  ['ENOTFOUND', 'DNS knows no such name'],
  ['EAI_AGAIN', 'DNS did not answer'],
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'the connection was closed'],
  ['ENETUNREACH', 'there is no way there'],
])('says in words what %s means', (code, words) => {
  const error = Object.assign(new Error('x'), { code });
  const { message } = networkFailure(error, new URL('https://app.example.com/'));
  expect(message).toContain('The request to app.example.com failed: ');
  expect(message).toContain(words);
  expect(message).toContain(`(${code})`);
});
