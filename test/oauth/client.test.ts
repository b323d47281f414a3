import { allowInsecureRequests, customFetch } from 'oauth4webapi';
import { expect, it } from 'vitest';
import type { ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import { requestOptions } from '../../src/oauth/client.ts';

const answering = (headers: Record<string, string>): ProtocolFetch => {
  return async () => new Response('{}', { status: 401, headers });
};

it('allows http to loopback issuers alone', () => {
  const allowed = (issuer: string) => requestOptions(answering({}), issuer)[allowInsecureRequests];
  expect(allowed('http://127.0.0.1:8401')).toBe(true);
  expect(allowed('http://localhost:8401')).toBe(true);
  expect(allowed('https://as.example.com')).toBe(false);
  expect(allowed('http://localhost.example.com')).toBe(false);
});

it('leaves the error to the body when a challenge comes with it (RFC 6749 §5.2)', async () => {
  const { [customFetch]: fetch } = requestOptions(
    answering({ 'www-authenticate': 'Basic realm="x"', 'content-type': 'application/json' }),
    'https://as.example.com',
  );
  const answer = await fetch('https://as.example.com/token', { method: 'POST', headers: {} });
  expect(answer.status).toBe(401);
  expect([...answer.headers.keys()]).toEqual(['content-type']);
});

it('sends what the library says but its name, under the caller’s signal', async () => {
  const sent: unknown[] = [];
  const { signal } = new AbortController();
  const { [customFetch]: fetch } = requestOptions(
    async (url, request) => {
      sent.push([url, request]);
      return new Response('{}');
    },
    'https://as.example.com',
    signal,
  );
  await fetch('https://as.example.com/token', {
    method: 'POST',
    headers: { accept: 'application/json', 'User-Agent': 'oauth4webapi' },
    body: 'a=b',
  });
  expect(sent).toEqual([
    [
      'https://as.example.com/token',
      { method: 'POST', headers: { accept: 'application/json' }, body: 'a=b', signal },
    ],
  ]);
});
