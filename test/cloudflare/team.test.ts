import { describe, expect, test } from 'vitest';
import { isAccessTeamHost, normaliseTeamDomain, trustsIssuer } from '../../src/cloudflare/team.ts';

describe('a team domain', () => {
  test.each([
    'acme.cloudflareaccess.com',
    'a-1.cloudflareaccess.com',
    'agency.fed.cloudflareaccess.com',
  ])('is %s', (host) => {
    expect(isAccessTeamHost(host)).toBe(true);
  });

  test.each([
    'cloudflareaccess.com',
    'fed.cloudflareaccess.com',
    '.cloudflareaccess.com',
    '-.cloudflareaccess.com',
    'a..cloudflareaccess.com',
    'evilcloudflareaccess.com',
    'acme.cloudflareaccess.com.evil.example',
    'acme.cloudflareaccess.com.',
    'acme.cloudflareaccess.com:8443',
    'acme.cloudflareaccess.org',
    'acme.cloudflareaccess.co',
    'ACME.cloudflareaccess.com',
    'acme.cloudflareaccess.com\n',
    'evil.example/.cloudflareaccess.com',
    'evil.example#.cloudflareaccess.com',
    'acme@evil.cloudflareaccess.com/',
    `${'a'.repeat(64)}.cloudflareaccess.com`,
    `${'a.'.repeat(130)}cloudflareaccess.com`,
    'localhost',
    '',
  ])('is not %j', (host) => {
    expect(isAccessTeamHost(host)).toBe(false);
  });
});

describe('what a person sets as their team', () => {
  test.each([
    ['acme', 'acme.cloudflareaccess.com'],
    [' Acme ', 'acme.cloudflareaccess.com'],
    ['acme.cloudflareaccess.com', 'acme.cloudflareaccess.com'],
    ['https://ACME.cloudflareaccess.com/', 'acme.cloudflareaccess.com'],
    ['agency.fed.cloudflareaccess.com', 'agency.fed.cloudflareaccess.com'],
    ['localhost:8401', 'localhost:8401'],
    ['http://127.0.0.1:9', '127.0.0.1:9'],
    ['', undefined],
    ['*', undefined],
    ['acme.example.com', undefined],
    ['acme.cloudflareaccess.com.evil.example', undefined],
    ['acme.cloudflareaccess.com:444', undefined],
    ['acme/evil', undefined],
    ['a b', undefined],
    ['acme.cloudflareaccess.com/path', undefined],
    ['cloudflareaccess.com', undefined],
    ['bücher', undefined],
  ])('%j is %s', (text, domain) => {
    expect(normaliseTeamDomain(text)).toBe(domain);
  });
});

describe('an authorization server is trusted (contract §4.3)', () => {
  const app = 'https://app.example.com/';
  const local = 'http://localhost:4001/';
  const listed = ['https://as.example.com/tenant', 'https://auth.example.com'];
  const table: [issuer: string, resource: string, team: string | undefined, trusted: boolean][] = [
    ['https://acme.cloudflareaccess.com', app, undefined, true],
    ['https://other.cloudflareaccess.com', app, undefined, true],
    ['https://acme.cloudflareaccess.com', app, 'acme.cloudflareaccess.com', true],
    ['https://other.cloudflareaccess.com', app, 'acme.cloudflareaccess.com', false],
    ['https://acme.fed.cloudflareaccess.com', app, 'acme.cloudflareaccess.com', false],
    ['https://x.acme.cloudflareaccess.com', app, 'acme.cloudflareaccess.com', false],
    ['https://acme.cloudflareaccess.com', local, 'acme.cloudflareaccess.com', true],
    ['http://acme.cloudflareaccess.com', app, undefined, false],
    ['https://acme.cloudflareaccess.com:8443', app, undefined, false],
    ['https://acme.cloudflareaccess.com.evil.example', app, undefined, false],
    ['https://evilcloudflareaccess.com', app, undefined, false],
    ['https://cloudflareaccess.com', app, undefined, false],
    ['https://acme.cloudflareaccess.com@evil.example', app, undefined, false],
    ['https://u:p@acme.cloudflareaccess.com', app, undefined, false],
    ['https://acme.cloudflareaccess.com/?x', app, undefined, false],
    ['https://acme.cloudflareaccess.com/#x', app, undefined, false],
    ['https://acme.cloudflareaccess.com/?', app, undefined, false],
    ['https://acme.cloudflareaccess.com//evil.example', app, undefined, false],
    ['https://acme.cloudflareaccess.com/tenant', app, undefined, false],
    ['https://acme.cloudflareaccess.com//evil.example', app, 'acme.cloudflareaccess.com', false],
    ['https://app.example.com', app, undefined, false],
    ['https://as.example.com/tenant', app, undefined, true],
    ['https://as.example.com/tenant', app, 'acme.cloudflareaccess.com', true],
    ['https://as.example.com/tenant/', app, undefined, false],
    ['https://as.example.com/other', app, undefined, false],
    ['https://as.example.com', app, undefined, false],
    ['http://as.example.com/tenant', app, undefined, false],
    ['https://auth.example.com/', app, undefined, true],
    ['https://auth.example.com:444', app, undefined, false],
    ['http://localhost:4000', local, undefined, true],
    ['http://127.0.0.1:4000', local, undefined, true],
    ['http://[::1]:4000', 'http://127.8.9.1/', undefined, true],
    ['http://localhost:4000', app, undefined, false],
    ['http://localhost.evil.example', local, undefined, false],
    ['http://localhost.', local, undefined, false],
    ['http://10.0.0.1', local, undefined, false],
    ['https://evil.example', local, undefined, false],
    ['ftp://localhost', local, undefined, false],
  ];
  test.each(table)('%s for %s, pinned to %s: %s', (issuer, resource, team, trusted) => {
    const trust = { team, authorizationServers: listed.map((text) => new URL(text)) };
    expect(trustsIssuer(new URL(issuer), new URL(resource), trust)).toBe(trusted);
  });
});
