import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import { checkAgentHeaders } from '../../src/http/agent-headers.ts';
import { decodableCodings } from '../../src/http/content-coding.ts';

function failure(headers: Record<string, string>): string {
  try {
    checkAgentHeaders(headers);
  } catch (error) {
    if (error instanceof AccessError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'allowed';
}

describe('headers an agent cannot set (contract §2)', () => {
  for (const name of [
    'CF-Access-Client-Id',
    'cf-access-client-secret',
    'Cf-Access-Token',
    'cf-access-jwt-assertion',
    'CF_Access_Client_Id',
    'cf-connecting-ip',
    'Host',
    'Proxy-Authorization',
    'proxy-connection',
    'Proxy_Authorization',
    'Content-Length',
    'content_length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'HTTP2-Settings',
  ]) {
    test(name, () => expect(failure({ [name]: 'x' })).toMatch(/^header_not_allowed: /));
  }
  for (const cookie of [
    'CF_Authorization=x',
    'a=b; CF_Authorization=x',
    'a=b;cf_appsession=y',
    'a="b; CF_Authorization=x"',
    'a=b, CF_Authorization=x',
    '"CF_Authorization"=x',
    'CF_Authorization',
    ' \tCF_Authorization =x',
    'a=b;;CF_Binding=1',
    '__Host-CF_Authorization=x',
  ]) {
    test(`the cookie in ${JSON.stringify(cookie)}`, () =>
      expect(failure({ Cookie: cookie })).toMatch(/^header_not_allowed: .*cf/i));
  }
  test('all offenders are named at once, and no value is', () => {
    const message = failure({
      Host: 'secret1',
      'CF-Access-Token': 'secret2',
      Accept: 'x',
      cookie: 'CF_Authorization=secret3',
    });
    for (const name of ['host', 'cf-access-token', 'cookie']) expect(message).toContain(name);
    expect(message).not.toContain('secret');
  });
  test('a coding that could not be decoded afterwards', () => {
    expect(failure({ 'Accept-Encoding': 'compress' })).toMatch(/^header_not_allowed/);
    expect(failure({ 'Accept-Encoding': `identity, ${decodableCodings.join(', ')};q=0.5` })).toBe(
      'allowed',
    );
  });
});

describe('what is no header field (RFC 9110 §5)', () => {
  for (const [name, value] of [
    ['a\r\nb', 'x'],
    ['a b', 'x'],
    ['', 'x'],
    ['a:', 'x'],
    ['x', 'a\r\nCF-Access-Token: y'],
    ['x', 'a\nb'],
    ['x', 'a\0b'],
    ['ä', 'x'],
  ] as const) {
    test(`${JSON.stringify(name)}: ${JSON.stringify(value)}`, () =>
      expect(failure({ [name]: value })).toMatch(/^invalid_input: /));
  }
  test('the same name twice in different case', () =>
    expect(failure({ Accept: 'a', accept: 'b' })).toMatch(/^invalid_input: .*twice/));
  test('more than servers take', () =>
    expect(failure({ x: 'y'.repeat(40_000) })).toMatch(/^invalid_input/));
});

test('ordinary headers pass, in lower case and as UTF-8 bytes', () => {
  expect(
    checkAgentHeaders({ Authorization: 'Basic x', Cookie: 'sid=1; acf_x=2', 'X-Name': 'é' }),
  ).toEqual([
    ['authorization', 'Basic x'],
    ['cookie', 'sid=1; acf_x=2'],
    ['x-name', 'Ã©'],
  ]);
});

test('no name and value ever gets a line break or a Cloudflare field through', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 })),
      (headers) => {
        try {
          for (const [name, value] of checkAgentHeaders(headers)) {
            expect(name).toMatch(/^[!-~]+$/);
            expect(name.startsWith('cf-')).toBe(false);
            expect(value).not.toMatch(/[\r\n\0]/);
          }
        } catch (error) {
          if (!(error instanceof AccessError)) throw error;
        }
      },
    ),
    { numRuns: 300 },
  );
});
