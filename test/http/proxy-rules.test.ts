import { describe, expect, test } from 'vitest';
import { createProxyRules } from '../../src/http/proxy-rules.ts';

const through = (no: string, url: string) =>
  createProxyRules({ http: 'http://p:1', https: 'http://q:2', no }).proxyFor(new URL(url));

describe('NO_PROXY, as curl reads it', () => {
  const direct: [string, string][] = [
    ['*', 'https://a.example/'],
    ['a.example', 'https://a.example/'],
    ['a.example', 'https://b.a.example/'],
    ['.a.example', 'https://b.a.example/'],
    ['*.a.example', 'https://b.a.example/'],
    ['x, A.EXAMPLE', 'https://a.example/'],
    ['x a.example', 'https://a.example/'],
    ['a.example:8443', 'https://a.example:8443/'],
    ['a.example:443', 'https://a.example/'],
    ['10.1.2.3', 'http://10.1.2.3/'],
    ['10.0.0.0/8', 'http://10.9.9.9/'],
    ['fd00::/8', 'http://[fd12::1]/'],
    ['fd12::1', 'http://[fd12::1]/'],
    ['[fd12::1]:80', 'http://[fd12::1]/'],
    ['a.example', 'https://a.example./'],
  ];
  for (const [no, url] of direct)
    test(`${no} keeps ${url} direct`, () => expect(through(no, url)).toBeUndefined());
  const proxied: [string, string][] = [
    ['', 'https://a.example/'],
    ['a.example', 'https://ba.example/'],
    ['a.example', 'https://a.example.org/'],
    ['a.example:8443', 'https://a.example/'],
    ['10.0.0.0/8', 'http://11.0.0.1/'],
    ['10.0.0.0/99', 'http://10.0.0.1/'],
    ['0.0.1', 'http://10.0.0.1/'],
  ];
  for (const [no, url] of proxied)
    test(`${no || 'nothing'} leaves ${url} to the proxy`, () =>
      expect(through(no, url)).toMatch(/^http:\/\/[pq]:/));
});

test('loopback is never reached through a proxy', () => {
  for (const url of [
    'http://localhost:1/',
    'http://127.9.9.9/',
    'https://[::1]/',
    'https://127.0.0.1/',
  ])
    expect(through('', url)).toBeUndefined();
});

test('each scheme has its own proxy; without one it is direct', () => {
  expect([through('', 'http://a/'), through('', 'https://a/')]).toEqual([
    'http://p:1/',
    'http://q:2/',
  ]);
  expect(createProxyRules({ http: 'p:1' }).proxyFor(new URL('https://a/'))).toBeUndefined();
  expect(createProxyRules({ https: 'proxy.example.com:3128' }).proxies).toEqual([
    'http://proxy.example.com:3128/',
  ]);
});

test('what is no proxy is config_invalid, without its value', () => {
  for (const https of [
    'ftp://user:hunter2@p/',
    'http://',
    'http://p:port',
    'socks5://user:hunter2@p:1080',
    'socks://p:1080',
    'http://user:50%hunter2@p/',
  ]) {
    expect(() => createProxyRules({ https })).toThrow(/^HTTPS_PROXY is not((?!hunter2).)*$/);
  }
});
