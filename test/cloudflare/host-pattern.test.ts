import { describe, expect, test } from 'vitest';
import { matchesHost, parseHostPatterns } from '../../src/cloudflare/host-pattern.ts';

describe('CF_ACCESS_HOSTS', () => {
  test.each([
    ['app.example.com', { hostname: 'app.example.com', wildcard: false, port: '' }],
    ['APP.Example.COM', { hostname: 'app.example.com', wildcard: false, port: '' }],
    ['app.example.com.', { hostname: 'app.example.com', wildcard: false, port: '' }],
    ['app.example.com:8443', { hostname: 'app.example.com', wildcard: false, port: '8443' }],
    ['app.example.com:443', { hostname: 'app.example.com', wildcard: false, port: '' }],
    ['bücher.example', { hostname: 'xn--bcher-kva.example', wildcard: false, port: '' }],
    ['*.bücher.example', { hostname: 'xn--bcher-kva.example', wildcard: true, port: '' }],
    ['*.corp.example.com', { hostname: 'corp.example.com', wildcard: true, port: '' }],
    ['*.example.com', { hostname: 'example.com', wildcard: true, port: '' }],
    ['*.example.co.uk', { hostname: 'example.co.uk', wildcard: true, port: '' }],
    ['*.acct.workers.dev', { hostname: 'acct.workers.dev', wildcard: true, port: '' }],
    ['*.corp.internal', { hostname: 'corp.internal', wildcard: true, port: '' }],
    ['acct.workers.dev', { hostname: 'acct.workers.dev', wildcard: false, port: '' }],
    ['wiki', { hostname: 'wiki', wildcard: false, port: '' }],
    ['10.0.0.5', { hostname: '10.0.0.5', wildcard: false, port: '' }],
    ['[fd00::1]:8443', { hostname: '[fd00::1]', wildcard: false, port: '8443' }],
    ['localhost', { hostname: 'localhost', wildcard: false, port: '' }],
    ['localhost:443', { hostname: 'localhost', wildcard: false, port: '443' }],
    ['[::1]:8401', { hostname: '[::1]', wildcard: false, port: '8401' }],
  ])('reads %s', async (text, pattern) => {
    expect(await parseHostPatterns(text)).toEqual({ patterns: [pattern], problems: [] });
  });

  test.each([
    '*',
    '*.',
    '*.*',
    '*.com',
    '*.co.uk',
    '*.workers.dev',
    '*.pages.dev',
    '*.github.io',
    '*.trycloudflare.com',
    '*.cfargotunnel.com',
    '*.cloudflareaccess.com',
    '*.fed.cloudflareaccess.com',
    '*.COM.',
    '*.xn--p1ai',
    '*.ck',
    '*.foo.ck',
    '*.internal',
    '*.localhost',
    '*.10.0.0.1',
    '*.[::1]',
    '**.example.com',
    '*app.example.com',
    'app.*.example.com',
    'app.example.*',
    'app.*',
    '.example.com',
    'app..example.com',
    'https://app.example.com',
    'app.example.com/path',
    'app.example.com?x',
    'app.example.com#x',
    'user@app.example.com',
    'app.example.com\\evil',
    'app.example.com:port',
    'app.example.com:0x1bb',
    'app.example.com:99999',
    'app.example.com:',
    'app%2eexample.com',
    'app.example.com%00',
    '127.1',
    '0x7f000001',
    '2130706433',
    '-app.example.com',
    'app.exa\u200bmple.com',
    '[::1',
    '[::1]x',
  ])('refuses %j without repeating it', async (text) => {
    const { patterns, problems } = await parseHostPatterns(text);
    expect(patterns).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^host 1 /);
    expect(problems[0]).not.toContain(`${text} `);
  });

  test('says why a * cannot stand before an address', async () => {
    const { problems } = await parseHostPatterns('*.10.0.0.1');
    expect(problems).toEqual(['host 1 puts a * before an address']);
  });

  test('is a list, and every problem in it is told at once by its number', async () => {
    const { patterns, problems } = await parseHostPatterns(
      ' a.example.com, *\n*.com ,,b.example.com ',
    );
    expect(patterns.map(({ hostname }) => hostname)).toEqual(['a.example.com', 'b.example.com']);
    expect(problems.map((problem) => problem.slice(0, 6))).toEqual(['host 2', 'host 3']);
    expect(await parseHostPatterns('')).toEqual({ patterns: [], problems: [] });
  });
});

describe('a host matches', () => {
  const table: [pattern: string, url: string, matches: boolean][] = [
    ['app.example.com', 'https://app.example.com/any?thing', true],
    ['app.example.com', 'https://APP.EXAMPLE.COM/', true],
    ['app.example.com', 'https://app.example.com:443/', true],
    ['APP.example.com.', 'https://app.example.com/', true],
    ['app.example.com', 'http://app.example.com/', false],
    ['app.example.com', 'https://app.example.com:8443/', false],
    ['app.example.com', 'https://app.example.com./', false],
    ['app.example.com', 'https://x.app.example.com/', false],
    ['app.example.com', 'https://xapp.example.com/', false],
    ['app.example.com', 'https://app.example.com.evil.example/', false],
    ['app.example.com', 'https://app.example.community/', false],
    ['app.example.com', 'https://app.example.com@evil.example/', false],
    ['app.example.com', 'https://evil@app.example.com/', false],
    ['app.example.com', 'https://evil.example/app.example.com', false],
    ['app.example.com', 'https://evil.example/?app.example.com', false],
    ['app.example.com', 'https://аpp.example.com/', false], // a Cyrillic а
    ['app.example.com', 'wss://app.example.com/', false],
    ['app.example.com', 'ftp://app.example.com/', false],
    ['app.example.com:8443', 'https://app.example.com:8443/', true],
    ['app.example.com:8443', 'https://app.example.com/', false],
    ['app.example.com:8443', 'https://app.example.com:8444/', false],
    ['*.corp.example.com', 'https://a.corp.example.com/', true],
    ['*.corp.example.com', 'https://a.b.corp.example.com/', true],
    ['*.corp.example.com', 'https://corp.example.com/', false],
    ['*.corp.example.com', 'https://acorp.example.com/', false],
    ['*.corp.example.com', 'https://a.corp.example.com.evil.example/', false],
    ['*.corp.example.com', 'https://a.corp.example.com./', false],
    ['*.corp.example.com', 'http://a.corp.example.com/', false],
    ['*.corp.example.com', 'https://a.corp.example.com:8443/', false],
    ['*.corp.example.com:8443', 'https://a.corp.example.com:8443/', true],
    ['*.corp.example.com', 'https://evil.example/.corp.example.com', false],
    ['bücher.example', 'https://xn--bcher-kva.example/', true],
    ['xn--bcher-kva.example', 'https://BÜCHER.example/', true],
    ['bucher.example', 'https://bücher.example/', false],
    ['10.0.0.5', 'https://10.0.0.5/', true],
    ['10.0.0.5', 'https://10.0.5/', true], // the same address, written short
    ['10.0.0.5', 'http://10.0.0.5/', false],
    ['10.0.0.5', 'https://10.0.0.50/', false],
    ['[fd00::1]', 'https://[fd00:0:0::1]/', true],
    ['localhost', 'http://localhost:4001/', true],
    ['localhost:4001', 'http://localhost:4002/', false],
    ['127.0.0.1', 'http://127.0.0.1:9/', true],
    ['localhost', 'http://localhost.evil.example/', false],
  ];
  test.each(table)('%s and %s: %s', async (text, url, matches) => {
    const { patterns, problems } = await parseHostPatterns(text);
    expect(problems).toEqual([]);
    expect(patterns.map((pattern) => matchesHost(pattern, new URL(url)))).toEqual([matches]);
  });
});
