import { createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type BrowserTransfer,
  planBrowserTransfer,
  receiveTransfer,
  type TransferOptions,
} from '../../../src/cloudflare/transfer/browser-transfer.ts';
import { AccessError } from '../../../src/errors.ts';
import { client, type LoopbackServer, listen } from '../loopback.ts';
import { createSigner, hs256 } from '../signer.ts';

const audience = 'a1'.repeat(32);
const application = new URL('https://app.example.com/wiki');
const signer = createSigner('k');
const startedAt = Date.UTC(2026, 10, 21);
const claims = {
  aud: [audience],
  iss: 'https://acme.cloudflareaccess.com',
  exp: startedAt / 1000 + 86_400,
  type: 'app',
};
const appToken = signer.jwt(claims);
const orgToken = signer.jwt({ ...claims, aud: 'org', type: 'org' });

/** The sending side: seals `text` for `publicKey`. */
function seal(publicKey: string, text: string): { body: string; senderKey: string } {
  const pair = generateKeyPairSync('x25519');
  const x = Buffer.from(publicKey, 'base64url').toString('base64url');
  const theirs = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  const secret = diffieHellman({ privateKey: pair.privateKey, publicKey: theirs });
  const words = (bytes: Uint8Array) => new Uint32Array(Uint8Array.from(bytes).buffer);
  const out = new Uint32Array(8);
  hsalsa(words(Buffer.from('expand 32-byte k')), words(secret), new Uint32Array(4), out);
  const nonce = randomBytes(24);
  const sealed = xsalsa20poly1305(new Uint8Array(out.buffer), nonce).encrypt(Buffer.from(text));
  return {
    body: Buffer.concat([nonce, sealed]).toString('base64'),
    senderKey: `${pair.publicKey.export({ format: 'jwk' }).x}=`,
  };
}

let service: LoopbackServer;
let http: ReturnType<typeof client>;
let transfer: BrowserTransfer;
let answer: (request: IncomingMessage, response: ServerResponse, number: number) => void;
/** A clock that does not wait, and keeps what it was asked to wait. */
let now: number;
let pauses: number[];
const clock = {
  now: () => now,
  sleep: async (milliseconds: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    pauses.push(milliseconds);
    now += milliseconds;
  },
};

beforeEach(async () => {
  now = startedAt;
  pauses = [];
  answer = (_, response) => response.writeHead(404).end();
  service = await listen((request, response) => answer(request, response, service.requests.length));
  http = client();
  transfer = planBrowserTransfer(application, audience);
});
afterEach(async () => {
  await http.close();
  await service.close();
});

const receive = (more: Partial<TransferOptions> = {}) =>
  receiveTransfer(transfer, {
    fetch: http.fetch,
    clock,
    teamKeys: { find: async () => signer.publicKey },
    service: service.url,
    ...more,
  });
const deliver = (text: string, change: (body: string) => string = (body) => body) => {
  answer = (_, response) => {
    const { body, senderKey } = seal(transfer.keys.publicKey, text);
    response.writeHead(200, { 'service-public-key': senderKey, date: '' }).end(change(body));
  };
};
const tokens = (app: unknown = appToken, org: unknown = orgToken) =>
  JSON.stringify({ app_token: app, org_token: org });
async function failure(promise: Promise<unknown>): Promise<AccessError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AccessError);
  return error as AccessError;
}

test('each sign-in has a fresh key', () => {
  const other = planBrowserTransfer(application, audience);
  expect(other.keys.publicKey).not.toBe(transfer.keys.publicKey);
  expect(other.url.searchParams.get('token')).toBe(other.keys.publicKey);
});

describe('a delivery', () => {
  test('gives the application’s token and the team’s, and is asked for by the raw key', async () => {
    deliver(tokens());
    expect(await receive()).toEqual({
      application: {
        jwt: appToken,
        teamDomain: 'acme.cloudflareaccess.com',
        expiresAt: claims.exp * 1000,
      },
      organisation: {
        jwt: orgToken,
        teamDomain: 'acme.cloudflareaccess.com',
        expiresAt: claims.exp * 1000,
      },
    });
    expect(service.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /transfer/${transfer.keys.publicKey}`,
    ]);
  });

  test('comes after answers that mean “not yet”, with a pause after each that came at once', async () => {
    const statuses = [404, 204, 302, 401, 200, 429];
    answer = (_, response, number) => {
      const status = statuses[number - 1];
      if (status) return response.writeHead(status, { location: '/elsewhere' }).end();
      const { body, senderKey } = seal(transfer.keys.publicKey, tokens());
      return response.writeHead(200, { 'service-public-key': senderKey }).end(body);
    };
    await receive();
    expect(service.requests).toHaveLength(7);
    expect(service.requests.every(({ url }) => url?.startsWith('/transfer/'))).toBe(true);
    expect(pauses).toEqual([1500, 1500, 1500, 1500, 1500, 5000]);
  });

  test('is not waited for between polls that the service held', async () => {
    answer = (_, response, number) => {
      if (number > 3) {
        deliver(tokens());
        return answer(_, response, number);
      }
      now += 50_000;
      return response.writeHead(404).end();
    };
    await receive();
    expect(pauses).toEqual([]);
  });

  test('without an org token, or with one of another team, still signs in', async () => {
    deliver(JSON.stringify({ app_token: appToken }));
    expect(Object.keys(await receive())).toEqual(['application']);
    deliver(
      tokens(
        appToken,
        signer.jwt({ ...claims, type: 'org', iss: 'https://evil.cloudflareaccess.com' }),
      ),
    );
    expect(Object.keys(await receive())).toEqual(['application']);
    deliver(tokens(appToken, signer.jwt({ ...claims, type: 'org', exp: 1 })));
    expect(Object.keys(await receive())).toEqual(['application']);
  });
});

describe('a delivery is refused', () => {
  test.each<[string, () => void, RegExp]>([
    [
      'sealed for another key',
      () => {
        const stranger = planBrowserTransfer(application, audience);
        answer = (_, response) => {
          const { body, senderKey } = seal(stranger.keys.publicKey, tokens());
          response.writeHead(200, { 'service-public-key': senderKey }).end(body);
        };
      },
      /not sealed for this sign-in/,
    ],
    ['that was cut', () => deliver(tokens(), (body) => body.slice(0, -8)), /damaged/],
    ['cut to a few bytes', () => deliver(tokens(), (body) => body.slice(0, 16)), /cut short/],
    ['that is a page', () => deliver(tokens(), () => '<html>Sign in</html>'), /not base64/],
    ['that is no JSON', () => deliver('oops'), /holds no token/],
    ['that is null', () => deliver('null'), /holds no token/],
    ['with a token that is no text', () => deliver(tokens({})), /holds no token/],
    [
      'with a JWT of another application',
      () => deliver(tokens(signer.jwt({ ...claims, aud: ['b2'.repeat(32)] }))),
      /another application/,
    ],
    [
      'with a JWT that has expired',
      () => deliver(tokens(signer.jwt({ ...claims, exp: startedAt / 1000 - 1 }))),
      /expired/,
    ],
    ['with an HMAC', () => deliver(tokens(hs256({ kid: 'k' }, claims, 'secret'))), /RS256/],
    [
      'of a stranger’s team',
      () => deliver(tokens(signer.jwt({ ...claims, iss: 'https://evil.example' }))),
      /not issued by a team/,
    ],
  ])('%s', async (_, arrange, why) => {
    arrange();
    const error = await failure(receive());
    expect(error).toMatchObject({ code: 'token_rejected', message: expect.stringMatching(why) });
    expect(service.requests).toHaveLength(1);
  });

  test('of another team than the one that is known', async () => {
    deliver(tokens());
    const error = await failure(receive({ teamDomain: 'other.cloudflareaccess.com' }));
    expect(error).toMatchObject({
      code: 'token_rejected',
      message: expect.stringMatching(/another team/),
    });
  });
});

describe('a transfer that does not come', () => {
  test('expires after ten minutes of 404: sign_in_expired', async () => {
    const error = await failure(receive());
    expect(error.code).toBe('sign_in_expired');
    expect(now - startedAt).toBe(600_000);
    expect(service.requests.length).toBeLessThanOrEqual(401);
  });

  test('expires when its polls are held beyond the time left', async () => {
    answer = () => undefined;
    const startedReally = Date.now();
    const real = { now: () => Date.now(), sleep: clock.sleep };
    const error = await failure(receive({ clock: real, patienceMs: 300 }));
    expect(error.code).toBe('sign_in_expired');
    expect(Date.now() - startedReally).toBeLessThan(3000);
  });

  test('ends with temporarily_unavailable when the service fails three times in a row', async () => {
    answer = (_, response) => response.writeHead(503).end();
    expect((await failure(receive())).code).toBe('temporarily_unavailable');
    expect(service.requests).toHaveLength(3);
    expect(now - startedAt).toBeLessThan(5_000);
  });

  test('survives failures of the service that are not three in a row', async () => {
    answer = (request, response, number) => {
      if (number < 8) return response.writeHead(number % 2 === 0 ? 404 : 502).end();
      deliver(tokens());
      return answer(request, response, number);
    };
    expect(await receive()).toMatchObject({ application: { jwt: appToken } });
  });

  test('ends with network_error when the network is dead', async () => {
    answer = (_, response) => response.destroy();
    const error = await failure(receive());
    expect(error.code).toBe('network_error');
    expect(now - startedAt).toBeLessThan(5_000);
  });

  test('ends at once when it is cancelled, during a poll and during a pause', async () => {
    const controller = new AbortController();
    const reason = new AccessError('cancelled', 'Enough.', []);
    answer = () => controller.abort(reason);
    expect(await failure(receive({ signal: controller.signal }))).toBe(reason);

    const pausing = new AbortController();
    answer = (_, response) => response.writeHead(404).end();
    const sleep = async () => {
      pausing.abort(reason);
      throw reason;
    };
    expect(await failure(receive({ clock: { ...clock, sleep }, signal: pausing.signal }))).toBe(
      reason,
    );
    expect(service.requests).toHaveLength(2);
  });

  test('never says its key', async () => {
    const key = transfer.keys.publicKey;
    const leaky: TransferOptions['fetch'] = async (url) => {
      throw new AccessError(
        'network_error',
        `No ${url}, ${encodeURIComponent(String(url))}`,
        [{ do: 'check', whether: `${url} is right` }],
        { cause: new Error(key) },
      );
    };
    const error = await failure(receive({ fetch: leaky }));
    expect(JSON.stringify([error.message, error.nextStep, String(error.cause)])).not.toContain(
      key.slice(0, 43),
    );
  });
});
