import { describe, expect, it } from 'vitest';
import { applicationOf } from '../../src/cloudflare/pasted-login.ts';

const of = (text: string) => {
  const found = applicationOf(new URL(text));
  return found instanceof URL ? found.href : found;
};
const login = 'https://acme.cloudflareaccess.com/cdn-cgi/access/login';

describe('the address of a login page', () => {
  it.each([
    [
      `${login}/app.example.com?kid=x&redirect_url=%2Fwiki%3Fa%3Db`,
      'https://app.example.com/wiki?a=b',
    ],
    [`${login}/app.example.com`, 'https://app.example.com/'],
    [`${login}/app.example.com/?redirect_url=/x`, 'https://app.example.com/x'],
    [`${login}/app.example.com:8443?redirect_url=/x`, 'https://app.example.com:8443/x'],
    [`${login}/app.example.com%3A8443?redirect_url=/x`, 'https://app.example.com:8443/x'],
    [
      `${login}/app.example.com?redirect_url=https%3A%2F%2Fapp.example.com%2Fdeep%23part`,
      'https://app.example.com/deep',
    ],
    [
      'https://app.example.com/cdn-cgi/access/login/app.example.com?redirect_url=%2Fx',
      'https://app.example.com/x',
    ],
    [
      'http://localhost:4000/cdn-cgi/access/login/localhost:4001?redirect_url=%2Fx',
      'http://localhost:4001/x',
    ],
    // Where it leads back to is believed of the application alone.
    [
      `${login}/app.example.com?redirect_url=https%3A%2F%2Fevil.example%2F`,
      'https://app.example.com/',
    ],
    [`${login}/app.example.com?redirect_url=%2F%2Fevil.example%2Fx`, 'https://app.example.com/'],
    [`${login}/app.example.com?redirect_url=%2F%5Cevil.example`, 'https://app.example.com/'],
    [
      `${login}/app.example.com?redirect_url=https%3A%2F%2Fa%3Ab%40app.example.com%2Fx`,
      'https://app.example.com/',
    ],
    [
      `${login}/app.example.com?redirect_url=%2Fcdn-cgi%2Faccess%2Fcli%3Ftoken%3Dx`,
      'https://app.example.com/',
    ],
    [
      `${login}/app.example.com?redirect_url=%2F%252e%252e%2Fcdn-cgi%2Faccess%2Flogout`,
      'https://app.example.com/',
    ],
    [`${login}/app.example.com?redirect_url=javascript:alert(1)`, 'https://app.example.com/'],
  ])('%s stands for %s', (text, expected) => {
    expect(of(text)).toBe(expected);
  });

  it.each([
    login,
    `${login}/`,
    `${login}/app.example.com/more`,
    `${login}/user%40app.example.com`,
    `${login}/app.example.com%2Fpath`,
    'https://acme.cloudflareaccess.com/cdn-cgi/access/sso/oidc/0123/authorization?client_id=x',
    'https://acme.cloudflareaccess.com/cdn-cgi/access/logout',
  ])('%s tells no application', (text) => {
    expect(of(text)).toBe('no_application');
  });

  it.each([
    'https://evil.example/cdn-cgi/access/login/app.example.com?redirect_url=%2Fx',
    'https://acme.cloudflareaccess.com.evil.example/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com/',
    'https://app.example.com/login',
    'http://localhost:4000/cdn-cgi/access/login/app.example.com?redirect_url=%2Fx',
  ])('%s is no login page of Access', (text) => {
    expect(of(text)).toBe(undefined);
  });
});
