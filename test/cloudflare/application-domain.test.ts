/** Which part of an origin an application’s domain stands for: narrowed, never widened. */
import { expect, it } from 'vitest';
import { applicationPart } from '../../src/cloudflare/application-domain.ts';

const part = (url: string, domain: string | undefined) =>
  applicationPart(new URL(`https://${url}`), domain)?.resource;

it.each([
  ['h.example/x', 'h.example', '/'],
  ['h.example/x', 'H.Example', '/'],
  ['h.example:8443/x', 'h.example', '/'],
  ['h.example:8443/x', 'h.example:8443', '/'],
  ['h.example/x', 'h.example/', '/'],
  ['h.example/x', 'h.example/*', '/'],
  ['h.example/x', '*.example', '/'],
  ['a.b.example/x', '*.example/*', '/'],
  ['h.example/app/x', 'h.example/app', '/app'],
  ['h.example/app', 'h.example/app/', '/app'],
  ['h.example/app/x', 'h.example/app/*', '/app'],
  ['h.example/app/x', '*.example/app/*', '/app'],
  ['h.example/app/x', 'h*.example/app', '/app'],
  // Half a name, or a wildcard amid: as far as the URL itself says what it stands for.
  ['h.example/apple/x', 'h.example/app*', '/apple'],
  ['h.example/app/v1/x', 'h.example/app/v*', '/app/v1'],
  ['h.example/a/x/c/d', 'h.example/a/*/c', '/a/x/c'],
  ['h.example/a/x/c/d', 'h.example/a/*/*', '/a/x'],
  // What does not cover the URL leaves it its own path.
  ['h.example/other/x', 'h.example/app', '/other/x'],
  ['h.example/other/x/', 'h.example/app/*', '/other/x'],
  ['h.example/application', 'h.example/app', '/application'],
  ['h.example/b/x', 'h.example/app*', '/b/x'],
  ['h.example/x', 'other.example', '/x'],
  ['h.example/app/x', 'other.example/app', '/app/x'],
  ['h.example/app/x', '*.other.example/app', '/app/x'],
  ['h.example/aab/x', 'h.example/a*a*b', '/aab/x'],
  ['h.example/x', '*.*.example', '/x'],
  ['h.example/app/x', 'h.example/app/../app', '/app/x'],
  ['h.example/App/x', 'h.example/app', '/App/x'],
  ['h.example/x/y', undefined, '/x/y'],
  // Only an application of the whole host guards its root.
  ['h.example/', 'other.example', '/'],
  ['h.example/', undefined, '/'],
])('%s, of %s: %s', (url, domain, resource) => {
  expect(part(url, domain)).toBe(new URL(resource, `https://${url}`).href);
});

it.each([
  ['h.example/', 'h.example/app'],
  ['h.example/', 'h.example/app/*'],
  ['h.example/', 'h.example/app*'],
  ['h.example/', 'other.example/app'],
  ['h.example/app/..%2fother', 'h.example/app'],
  ['h.example/app/..%2fother', 'h.example/app/*'],
  ['h.example/app/..%2fother', 'other.example'],
  ['h.example/..%2fother', undefined],
  [`h.example/app${'/x'.repeat(40)}`, 'other.example'],
])('%s, of %s: in no part', (url, domain) => {
  expect(part(url, domain)).toBeUndefined();
});

it('leads a browser nowhere that only the URL names', () => {
  const landing = (url: string, domain: string) =>
    applicationPart(new URL(`https://h.example${url}`), domain)?.landing.pathname;
  expect(landing('/app/delete?x', 'h.example/app/*')).toBe('/app');
  expect(landing('/apple/delete', 'h.example/app*')).toBe('/');
  expect(landing('/a/delete/c', 'h.example/a/*/c')).toBe('/a');
  expect(landing('/delete', 'h.example/app')).toBe('/');
});
