import { expect, test } from 'vitest';
import { type CookieStore, createCookieStore } from '../../../src/http/cookies/cookie-store.ts';

const app = new URL('https://app.example.com/a/b');
function setCookie(...fields: string[]): Headers {
  const headers = new Headers();
  for (const field of fields) headers.append('set-cookie', field);
  return headers;
}
const sent = (store: CookieStore, url: string | URL, identity = 'me') =>
  store.attach(new URL(url), [], identity).find(([name]) => name === 'cookie')?.[1];

test('a cookie goes back to its origin alone: not to another port, scheme, parent or neighbour', async () => {
  const store = createCookieStore();
  await store.store(app, setCookie('sid=1; Path=/', 'wide=2; Domain=example.com; Path=/'), 'me');
  expect(sent(store, 'https://app.example.com/z')).toBe('sid=1; wide=2');
  for (const other of [
    'https://app.example.com:8443/',
    'http://app.example.com/',
    'https://example.com/',
    'https://b.example.com/',
    'https://x.app.example.com/',
  ]) {
    expect(sent(store, other)).toBeUndefined();
  }
});

test('path, expiry and a Domain of somebody else’s are minded (RFC 6265bis §5.7)', async () => {
  const store = createCookieStore();
  await store.store(
    app,
    setCookie(
      'p=1; Path=/a',
      'q=1; Path=/other',
      'd=1; Domain=evil.example; Path=/',
      'x=1; Path=/; Max-Age=0',
      'e=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    ),
    'me',
  );
  expect(sent(store, app)).toBe('p=1');
  expect(sent(store, 'https://app.example.com/other')).toBe('q=1');
  await store.store(app, setCookie('p=; Path=/a; Max-Age=0'), 'me');
  expect(sent(store, app)).toBeUndefined();
});

test('a cookie for a path does not go where a URL hides a dot segment, which may lead out of it', async () => {
  const store = createCookieStore();
  await store.store(app, setCookie('p=1; Path=/a', 'all=2; Path=/'), 'me');
  expect(sent(store, 'https://app.example.com/a/..b')).toBe('p=1; all=2');
  for (const path of ['/a/..%2fother', '/a/..;/other', '/a/%252e%252e/other']) {
    expect(sent(store, `https://app.example.com${path}`)).toBe('all=2');
  }
});

test('Access’s own cookies are neither kept nor sent', async () => {
  const store = createCookieStore();
  await store.store(
    app,
    setCookie(
      'CF_Authorization=jwt; Path=/',
      'CF_AppSession=n; Path=/',
      'cf_binding=1; Path=/',
      '__cf_bm=1; Path=/',
      'ok=1; Path=/',
    ),
    'me',
  );
  expect(sent(store, app)).toBe('__cf_bm=1; ok=1');
});

test('a Secure cookie is not sent over http, except to loopback', async () => {
  const store = createCookieStore();
  const loopback = new URL('http://localhost:8080/');
  await store.store(loopback, setCookie('s=1; Secure; Path=/'), 'me');
  expect(sent(store, loopback)).toBe('s=1');
});

test('the agent’s own cookies win over kept ones', async () => {
  const store = createCookieStore();
  await store.store(app, setCookie('sid=kept; Path=/', 'theme=dark; Path=/'), 'me');
  expect(
    store.attach(
      app,
      [
        ['accept', 'x'],
        ['cookie', 'sid=mine'],
      ],
      'me',
    ),
  ).toEqual([
    ['accept', 'x'],
    ['cookie', 'sid=mine; theme=dark'],
  ]);
});

test('count and size are bounded', async () => {
  const store = createCookieStore();
  for (let at = 0; at < 200; at += 1)
    await store.store(app, setCookie(`c${at}=${'x'.repeat(100)}; Path=/`), 'me');
  await store.store(app, setCookie(`big=${'x'.repeat(5000)}; Path=/`), 'me');
  const cookie = sent(store, app) ?? '';
  expect(cookie.split(';').length).toBeLessThanOrEqual(50);
  expect(cookie.length).toBeLessThan(8000);
  expect(cookie).toContain('c199=');
  expect(cookie).not.toContain('big=');
});

test('what is no cookie does no harm', async () => {
  const store = createCookieStore();
  await store.store(
    app,
    setCookie('', '=', ';;;', '\u00ff=\u00fe', 'a=b; Domain=; Path=/', 'x'.repeat(100)),
    'me',
  );
  expect(sent(store, app)).toContain('a=b');
});
