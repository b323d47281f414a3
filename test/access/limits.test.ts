/** What an administrator permits to be requested for the agent. */
import { expect, it } from 'vitest';
import {
  checkRequest,
  checkTokenMayLeave,
  checkUrl,
  type Limits,
} from '../../src/access/limits.ts';
import { url } from './answers.ts';

const host = (hostname: string) => ({ hostname, wildcard: false, port: '' });
const elsewhere: Limits = { readOnly: false, allowedHosts: [host('other.example.com')] };
const readOnly: Limits = { readOnly: true };

it('lets every request pass where nothing is limited', () => {
  const limits: Limits = { readOnly: false };
  checkRequest(limits, { method: 'DELETE', url, headers: [] });
  checkTokenMayLeave(limits, url);
});

it('refuses a host that is not named, and a redirect to it as a redirect', () => {
  checkUrl({ ...elsewhere, allowedHosts: [host('app.example.com')] }, url);
  expect(() => checkUrl(elsewhere, url)).toThrow(
    expect.objectContaining({ code: 'access_denied' }),
  );
  const redirectedFrom = new URL('https://other.example.com/');
  expect(() => checkUrl(elsewhere, url, redirectedFrom)).toThrow(
    expect.objectContaining({ code: 'redirect_refused' }),
  );
  expect(() => checkTokenMayLeave(elsewhere, url)).toThrow(
    expect.objectContaining({ code: 'access_denied' }),
  );
});

it.each(['GET', 'HEAD', 'OPTIONS'])('lets %s pass where only reading is permitted', (method) => {
  checkRequest(readOnly, { method, url, headers: [] });
});

it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'get'])('refuses %s there', (method) => {
  expect(() => checkRequest(readOnly, { method, url, headers: [] })).toThrow(
    expect.objectContaining({ code: 'access_denied' }),
  );
});

it('refuses there to switch to a protocol in which anything could be written', () => {
  const wire = { target: '/wiki/page', upgrade: 'websocket' };
  expect(() => checkRequest(readOnly, { method: 'GET', url, headers: [], wire })).toThrow(
    expect.objectContaining({ code: 'access_denied' }),
  );
});

it('gives no token there to a program that could write', () => {
  expect(() => checkTokenMayLeave(readOnly, url)).toThrow(
    expect.objectContaining({ code: 'access_denied' }),
  );
});
