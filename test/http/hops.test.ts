import { describe, expect, test } from 'vitest';
import type { Abortable } from '../../src/abortable.ts';
import { isAccessError } from '../../src/errors.ts';
import { createCookieStore } from '../../src/http/cookies/cookie-store.ts';
import { followRedirects, type HopAnswer } from '../../src/http/hops.ts';
import { type HopRequest, nextHop as nextHopOf } from '../../src/http/next-hop.ts';
import { bytesBody } from '../../src/http/request-body.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';
import { answerOf } from './origin.ts';

const start = new URL('https://a.example.com/start#part');
const request = (more: Partial<HopRequest> = {}): HopRequest => ({
  method: 'GET',
  url: start,
  headers: [],
  ...more,
});
const body = bytesBody('x');
const nextHop = (hop: HopRequest, status: number, location: string) =>
  nextHopOf(hop, status, location, createConcealer([]));

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isAccessError(error, 'redirect_refused')) return error.message;
    throw error;
  }
  return 'not refused';
}

/** Answers from a table of URL to answer; every request is kept. */
function site(
  table: Record<string, { status?: number; location?: string; cookie?: string; secret?: string }>,
) {
  const sent: HopRequest[] = [];
  const send = async (hop: HopRequest): Promise<HopAnswer> => {
    sent.push(hop);
    const {
      status = 302,
      location,
      cookie,
      secret,
    } = table[hop.url.href.split('#')[0] ?? ''] ?? {};
    const answer = answerOf('', {
      ...(location === undefined ? {} : { location }),
      ...(cookie ? { 'set-cookie': cookie } : {}),
    });
    return {
      ...answer,
      url: hop.url,
      status: location === undefined ? 200 : status,
      auth: secret ? 'oauth' : 'none',
      identity: secret ?? '',
      secrets: secret ? [secret] : [],
    };
  };
  return { sent, send };
}

describe('the method of the next hop (RFC 9110 §15.4)', () => {
  for (const [status, method, expected] of [
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'PUT', 'PUT'],
    [301, 'PUT', 'PUT'],
    [302, 'GET', 'GET'],
  ] as const) {
    test(`${status} makes ${expected} of ${method}`, () => {
      const next = nextHop(
        request({
          method,
          body,
          headers: [
            ['content-type', 'text/plain'],
            ['x-mine', '1'],
          ],
        }),
        status,
        '/next',
      );
      expect(next.method).toBe(expected);
      expect(next.body).toBe(
        (expected === 'GET' && method !== 'GET') || (expected === 'HEAD' && method !== 'HEAD')
          ? undefined
          : body,
      );
      expect(next.headers.some(([name]) => name === 'content-type')).toBe(next.body !== undefined);
      expect(next.headers).toContainEqual(['x-mine', '1']);
    });
  }
});

describe('what is not followed', () => {
  test('a hop that leaves https', () => {
    expect(refusal(() => nextHop(request(), 302, 'http://a.example.com/'))).toMatch(/without TLS/);
    expect(refusal(() => nextHop(request(), 302, 'http://127.0.0.1/'))).toMatch(/without TLS/);
  });
  test('http to a host that is not loopback', () => {
    const loopback = request({ url: new URL('http://127.0.0.1:8080/') });
    expect(refusal(() => nextHop(loopback, 302, 'http://b.example.com/'))).toMatch(/without TLS/);
    expect(nextHop(loopback, 302, 'http://localhost:9090/x').url.href).toBe(
      'http://localhost:9090/x',
    );
    expect(nextHop(loopback, 302, 'https://b.example.com/').url.host).toBe('b.example.com');
  });
  test('a 307 or 308 with a body, and any method that changes something, to another origin', () => {
    for (const status of [307, 308]) {
      expect(
        refusal(() => nextHop(request({ method: 'POST', body }), status, 'https://b.example.com/')),
      ).toMatch(/with the body/);
      expect(
        refusal(() => nextHop(request({ method: 'DELETE' }), status, 'https://b.example.com/')),
      ).toMatch(/DELETE/);
    }
    expect(
      refusal(() => nextHop(request({ method: 'POST', body }), 307, 'https://a.example.com:8443/')),
    ).toMatch(/another origin/);
  });
  test('an OPTIONS with a body to another origin', () => {
    const options = request({ method: 'OPTIONS', body });
    expect(refusal(() => nextHop(options, 307, 'https://b.example.com/'))).toMatch(/with the body/);
    expect(nextHop(options, 307, '/same').body).toBe(body);
  });
  test('a Location that repeats the credential and leads elsewhere, in whatever form', async () => {
    const secret = 'oauth:3f9a77c1Bd0e4F5a';
    for (const location of [
      `https://other.example/?t=${secret}`,
      `https://other.example/?t=${encodeURIComponent(secret)}`,
      `//3F9A77C1BD0E4F5A.other.example/`,
      `x3f9a77c1bd0e4f5a:go`,
    ]) {
      const sent: HopRequest[] = [];
      const send = async (hop: HopRequest): Promise<HopAnswer> => {
        sent.push(hop);
        const secrets = [secret, secret.slice('oauth:'.length)];
        return {
          ...answerOf('', { location }),
          url: hop.url,
          status: 302,
          auth: 'oauth',
          identity: 'a',
          secrets,
        };
      };
      const failure = await followRedirects(request(), send).catch((error) => error);
      expect(failure).toMatchObject({ code: 'redirect_refused' });
      expect(JSON.stringify([failure.message, failure.nextStep]).toLowerCase()).not.toContain(
        '3f9a77c1',
      );
      expect(sent).toHaveLength(1);
    }
  });
  test('a Location with user name and password, of another scheme, or that is no URL', () => {
    expect(refusal(() => nextHop(request(), 302, 'https://user:pw@b.example.com/'))).toMatch(
      /user name/,
    );
    expect(refusal(() => nextHop(request(), 302, 'https://b.example.com@evil.example/'))).toMatch(
      /user name/,
    );
    for (const location of ['javascript:alert(1)', 'file:///etc/passwd', 'data:,x', 'ftp://b/']) {
      expect(refusal(() => nextHop(request(), 302, location))).toMatch(/neither https nor http/);
    }
    expect(refusal(() => nextHop(request(), 302, 'https://['))).toMatch(/no|not a URL/);
  });
  test('what the Location says is quoted without control characters', () => {
    expect(refusal(() => nextHop(request(), 302, 'x\u0007y:z'))).not.toContain('\u0007');
  });
  test('the 21st redirect', async () => {
    let count = 0;
    const send = async (hop: HopRequest) => {
      count += 1;
      return {
        ...answerOf('', { location: `/${count}` }),
        url: hop.url,
        status: 302,
        auth: 'none' as const,
        identity: '',
        secrets: [],
      };
    };
    await expect(followRedirects(request(), send)).rejects.toMatchObject({
      code: 'redirect_refused',
    });
    expect(count).toBe(21);
  });
  test('a loop, as soon as it closes', async () => {
    const { send, sent } = site({
      'https://a.example.com/start': { location: '/b' },
      'https://a.example.com/b': { location: '/start' },
    });
    await expect(followRedirects(request(), send)).rejects.toThrow(/loop/);
    expect(sent).toHaveLength(2);
  });
});

describe('what crosses to another origin', () => {
  const headers = [
    ['authorization', 'Basic x'],
    ['cookie', 'a=b'],
    ['x-api-key', 'k'],
    ['private-token', 't'],
    ['accept', 'text/html'],
    ['range', 'bytes=0-1'],
  ] as const;
  test('nothing that could hold a key', () => {
    expect(nextHop(request({ headers }), 302, 'https://b.example.com/').headers).toEqual([
      ['accept', 'text/html'],
      ['range', 'bytes=0-1'],
    ]);
    expect(nextHop(request({ headers }), 302, 'https://a.example.com:444/').headers).toHaveLength(
      2,
    );
    expect(nextHop(request({ headers }), 302, '/same').headers).toEqual(headers);
  });
  test('what was left behind is said, and stays behind on the way back', async () => {
    const { send, sent } = site({
      'https://a.example.com/start': { location: 'https://b.example.com/' },
      'https://b.example.com/': { location: 'https://a.example.com/end' },
    });
    const { droppedHeaders, redirects } = await followRedirects(request({ headers }), send);
    expect(droppedHeaders).toEqual(['authorization', 'cookie', 'x-api-key', 'private-token']);
    expect(sent.at(-1)?.headers).toEqual([
      ['accept', 'text/html'],
      ['range', 'bytes=0-1'],
    ]);
    expect(redirects).toEqual(['https://b.example.com/#part', 'https://a.example.com/end#part']);
  });
});

describe('nothing is called left behind at the border of an origin', () => {
  const headers = [
    ['content-type', 'text/plain'],
    ['accept', '*/*'],
  ] as const;
  const posted = request({ method: 'POST', body, headers });
  test('that went with the body, on the same origin or another', async () => {
    for (const location of ['/end', 'https://b.example.com/']) {
      const { send } = site({ 'https://a.example.com/start': { status: 303, location } });
      expect((await followRedirects(posted, send)).droppedHeaders).toEqual([]);
    }
  });
  test('that described a body that was not there, on the same origin', async () => {
    const { send } = site({ 'https://a.example.com/start': { status: 303, location: '/end' } });
    const empty = request({ method: 'POST', headers });
    expect((await followRedirects(empty, send)).droppedHeaders).toEqual([]);
  });
});

test('the secrets of every hop are collected', async () => {
  const { send } = site({
    'https://a.example.com/start': { location: 'https://b.example.com/', secret: 'one' },
    'https://b.example.com/': { secret: 'two' },
  });
  expect((await followRedirects(request(), send)).secrets).toEqual(['one', 'two']);
});

test('an answer marked final is given as it stands', async () => {
  const { send, sent } = site({ 'https://a.example.com/start': { location: '/b' } });
  const result = await followRedirects(request(), async (hop) => ({
    ...(await send(hop)),
    final: true,
  }));
  expect(result.answer.status).toBe(302);
  expect(sent).toHaveLength(1);
});

test('a bounce through a session cookie is no loop', async () => {
  const cookies = createCookieStore();
  const send = async (hop: HopRequest): Promise<HopAnswer> => {
    const headers = hop.cookies?.attach(hop.url, hop.headers, '') ?? [];
    const signedIn = headers.some(([name, value]) => name === 'cookie' && value.includes('sid=1'));
    const answer = answerOf('', {
      ...(signedIn ? {} : { location: hop.url.pathname === '/start' ? '/login' : '/start' }),
      ...(hop.url.pathname === '/login' ? { 'set-cookie': 'sid=1; Path=/' } : {}),
    });
    return {
      ...answer,
      url: hop.url,
      status: signedIn ? 200 : 302,
      auth: 'none',
      identity: '',
      secrets: [],
    };
  };
  const { answer, redirects } = await followRedirects(request(), send, { cookies });
  expect(answer.status).toBe(200);
  expect(redirects).toHaveLength(2);
});

test('the deadline ends the waiting for a head and not the reading of a body', async () => {
  const late = followRedirects(
    request(),
    ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    { deadline: AbortSignal.timeout(20) },
  );
  await expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
  const controller = new AbortController();
  let hopSignal: Abortable | undefined;
  await followRedirects(
    request(),
    async (hop) => {
      hopSignal = hop.signal;
      return { ...answerOf('x'), auth: 'none', identity: '', secrets: [] };
    },
    { deadline: controller.signal },
  );
  controller.abort();
  expect(hopSignal?.aborted).toBe(false);
});
