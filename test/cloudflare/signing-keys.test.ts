import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSigningKeys, type SigningKeys } from '../../src/cloudflare/signing-keys.ts';
import { client, type LoopbackServer, listen } from './loopback.ts';
import { createSigner } from './signer.ts';

const [one, two, small] = [createSigner('one'), createSigner('two'), createSigner('small', 1024)];
const hour = 3_600_000;

let team: LoopbackServer;
let http: ReturnType<typeof client>;
let keys: SigningKeys;
let now = 0;
let answer: (response: ServerResponse) => void;
const serve = (...jwks: unknown[]) => {
  answer = (response) => response.end(JSON.stringify({ keys: jwks, public_certs: [] }));
};

beforeEach(async () => {
  now = Date.UTC(2026, 10, 21);
  serve(one.jwk);
  team = await listen((_, response) => answer(response));
  http = client();
  keys = createSigningKeys({ fetch: http.fetch, now: () => now });
});
afterEach(async () => {
  await http.close();
  await team.close();
});

describe('a team’s keys', () => {
  test('are asked for once a day, at /cdn-cgi/access/certs', async () => {
    expect((await keys.find(team.url, 'one'))?.equals(one.publicKey)).toBe(true);
    now += 23 * hour;
    await keys.find(team.url, 'one');
    expect(team.requests.map(({ url }) => url)).toEqual(['/cdn-cgi/access/certs']);
    now += 2 * hour;
    await keys.find(team.url, 'one');
    expect(team.requests).toHaveLength(2);
  });

  test('are asked for again once when a key is unknown, at most once a minute', async () => {
    await keys.find(team.url, 'one');
    serve(one.jwk, two.jwk);
    expect(await keys.find(team.url, 'two')).toBeUndefined();
    expect(team.requests).toHaveLength(1);
    now += 60_000;
    expect((await keys.find(team.url, 'two'))?.equals(two.publicKey)).toBe(true);
    for (let index = 0; index < 5; index += 1) await keys.find(team.url, `unknown ${index}`);
    expect(team.requests).toHaveLength(2);
  });

  test('are asked for once by many callers at the same time', async () => {
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(team.url, 'one')));
    expect(found.every((key) => key?.equals(one.publicKey))).toBe(true);
    expect(team.requests).toHaveLength(1);
  });

  test('that a clock set back would keep for ever are asked for again', async () => {
    await keys.find(team.url, 'one');
    now -= hour;
    await keys.find(team.url, 'one');
    expect(team.requests).toHaveLength(2);
  });

  test('are RSA keys for RS256 signatures, of 2048 bits or more', async () => {
    const secret = { kty: 'oct', k: 'c2VjcmV0', kid: 'secret', alg: 'RS256' };
    serve(
      small.jwk,
      secret,
      { ...two.jwk, use: 'enc' },
      { ...two.jwk, kid: 'other', alg: 'RS512' },
      null,
      { kid: 'x', kty: 'RSA', n: 'AA', e: '' },
      one.jwk,
    );
    expect(await keys.find(team.url, 'one')).toBeDefined();
    now += 60_000;
    for (const keyId of ['small', 'secret', 'two', 'other', 'x'])
      expect(await keys.find(team.url, keyId)).toBeUndefined();
  });

  test('of a bounded number of teams are kept', async () => {
    await keys.find(team.url, 'one');
    const others = await Promise.all(
      Array.from({ length: 16 }, () => listen((_, response) => answer(response))),
    );
    for (const { url } of others) await keys.find(url, 'one');
    await keys.find(team.url, 'one');
    expect(team.requests).toHaveLength(2);
    await Promise.all(others.map((other) => other.close()));
  });
});

describe('an answer without keys', () => {
  test.each<[string, (response: ServerResponse) => void, string]>([
    [
      'a redirect is not followed',
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      'invalid_server_metadata',
    ],
    ['404', (response) => response.writeHead(404).end('{"keys":[]}'), 'invalid_server_metadata'],
    ['no JSON', (response) => response.end('<html>'), 'invalid_server_metadata'],
    ['no list', (response) => response.end('{"keys":{}}'), 'invalid_server_metadata'],
    ['null', (response) => response.end('null'), 'invalid_server_metadata'],
    ['503', (response) => response.writeHead(503).end(), 'temporarily_unavailable'],
    ['429', (response) => response.writeHead(429).end(), 'temporarily_unavailable'],
    [
      'more than 1 MiB',
      (response) => response.end(' '.repeat(1024 * 1024 + 1)),
      'response_too_large',
    ],
    ['a broken connection', (response) => response.destroy(), 'network_error'],
  ])('%s', async (_, broken, code) => {
    answer = broken;
    await expect(keys.find(team.url, 'one')).rejects.toMatchObject({ code });
    expect(team.requests.every(({ url }) => url === '/cdn-cgi/access/certs')).toBe(true);
    serve(one.jwk);
    expect(await keys.find(team.url, 'one')).toBeDefined();
  });
});
