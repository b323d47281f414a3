/** Which paths are Access's own, whoever reads them. */
import { describe, expect, it } from 'vitest';
import { isAccessPage } from '../../src/cloudflare/access-pages.ts';

describe('a page of Access itself', () => {
  it.each([
    '/cdn-cgi/access/cli',
    '/cdn-cgi/access/logout',
    '/cdn-cgi/access',
    '//cdn-cgi//access/cli',
    '/CDN-CGI/Access/cli',
    '/%63dn-cgi/access/cli',
    '/cdn-cgi%2faccess%2fcli',
    '/cdn-cgi%252faccess/cli',
    '/x/..%2fcdn-cgi/access/cli',
    '/x/%2e%2e/cdn-cgi/access/cli',
    '/cdn-cgi\\access\\cli',
    '/cdn-cgi;a=b/access;c/cli',
    '/cdn-cgi/access/get-identity/../cli',
    '/cdn-cgi/./access/cli',
    '/x/.y/../../cdn-cgi/access/cli',
    '/x/.y/%2e%2e/..%2fcdn-cgi/access/cli',
    '/%ff/../cdn-cgi/%61ccess/cli',
  ])('is %s', (path) => {
    expect(isAccessPage(path)).toBe(true);
  });

  it.each([
    '/',
    '/cdn-cgi/access/get-identity',
    '/cdn-cgi/image/width=80/a.png',
    '/cdn-cgi/accessory',
    '/docs/cdn-cgi/access/cli',
    '/100%25/file%20name',
    '/%ff%fe',
  ])('is not %s', (path) => {
    expect(isAccessPage(path)).toBe(false);
  });
});
