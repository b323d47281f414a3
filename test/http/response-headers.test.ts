import { expect, test } from 'vitest';
import {
  hideAccessQuery,
  responseHeaders as shownHeaders,
} from '../../src/http/response-headers.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';

const responseHeaders = (headers: Headers, secrets: readonly string[] = []) =>
  shownHeaders(headers, createConcealer(secrets));

test('cookies and everything of Access’s own are hidden', () => {
  const headers = new Headers({
    'set-cookie': 'CF_Authorization=jwt',
    'cf-access-jwt-assertion': 'x',
    'cf-access-aud': 'y',
    'cf-ray': 'z',
    etag: '"1"',
  });
  expect(responseHeaders(headers).headers).toEqual({ 'cf-ray': 'z', etag: '"1"' });
});

test('echoed credentials are concealed', () => {
  expect(responseHeaders(new Headers({ 'x-echo': 'a s3cret b' }), ['s3cret']).headers).toEqual({
    'x-echo': 'a [redacted] b',
  });
});

test('raw UTF-8 is read, invalid bytes stay Latin-1, control characters go', () => {
  const headers = new Headers({ a: Buffer.from('ü\u202ex').toString('latin1'), b: '\xfc' });
  expect(responseHeaders(headers).headers).toEqual({ a: 'ü x', b: 'ü' });
});

test('a flood is cut, and what was cut is named; browsers’ policies go first', () => {
  const headers = new Headers({
    'content-security-policy': 'c'.repeat(900),
    link: 'l'.repeat(5000),
    ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x-${at}`, 'v'.repeat(90)])),
  });
  const { headers: shown, shortened } = responseHeaders(headers);
  expect(JSON.stringify(shown).length).toBeLessThan(10_000);
  expect(shown.link).toHaveLength(1000);
  expect(shortened).toContain('link');
  expect(shown).not.toHaveProperty('content-security-policy');
});

test('one-time values in Access’s own redirects are hidden', () => {
  const location = 'https://t.cloudflareaccess.com/cdn-cgi/access/login/h?kid=a&meta=jwt';
  expect(responseHeaders(new Headers({ location })).headers.location).toBe(
    'https://t.cloudflareaccess.com/cdn-cgi/access/login/h?…',
  );
});

test('a path of Access repeated without end is read in linear time', () => {
  const startedAt = performance.now();
  for (let times = 0; times < 100; times += 1) hideAccessQuery('/cdn-cgi/access/'.repeat(3900));
  expect(performance.now() - startedAt).toBeLessThan(5000);
});
