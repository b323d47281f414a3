import { describe, expect, test } from 'vitest';
import { fromBase64url, readJwt } from '../../src/cloudflare/jwt.ts';
import { isSignedBy, rs256KeyId } from '../../src/cloudflare/jwt-signature.ts';
import { createSigner, hs256, unsigned } from './signer.ts';

const signer = createSigner('one');
const pem = signer.publicKey.export({ type: 'spki', format: 'pem' });
const isSigned = (text: string) => {
  const jwt = readJwt(text);
  return jwt !== undefined && isSignedBy(jwt, signer.publicKey);
};

test('a JWT signed by RS256 is read and its signature holds (RFC 7515 §5.2)', () => {
  const text = signer.jwt({ sub: 'someone', name: 'Zoë' });
  const jwt = readJwt(text);
  expect(jwt?.claims).toEqual({ sub: 'someone', name: 'Zoë' });
  expect(jwt && rs256KeyId(jwt)).toBe('one');
  expect(isSigned(text)).toBe(true);
});

describe('a signature does not hold', () => {
  const text = signer.jwt({ sub: 'someone' });
  const [header = '', , signature = ''] = text.split('.');
  const other = Buffer.from('{"sub":"another"}').toString('base64url');

  test.each([
    ['over other claims', `${header}.${other}.${signature}`],
    ['by another key', createSigner('one').jwt({ sub: 'someone' })],
    ['by HS256 with the public key as its secret', hs256({ kid: 'one' }, { sub: 'x' }, pem)],
    [
      'when the header says RS256 and it is an HMAC',
      hs256({ kid: 'one', alg: 'RS256' }, { sub: 'x' }, pem),
    ],
    ['when the algorithm is none', `${unsigned({ alg: 'none', kid: 'one' }, { sub: 'x' })}.AAAA`],
    ['when the header names another algorithm', signer.jwt({ sub: 'x' }, { alg: 'RS512' })],
    ['when the algorithm is written otherwise', signer.jwt({ sub: 'x' }, { alg: 'rs256' })],
    [
      'when an extension is critical (RFC 7515 §4.1.11)',
      signer.jwt({ sub: 'x' }, { crit: ['b64'], b64: false }),
    ],
    ['without a key ID', signer.jwt({ sub: 'x' }, { kid: undefined })],
  ])('%s', (_, forged) => {
    expect(isSigned(forged)).toBe(false);
  });
});

describe('what is no JWT is not read', () => {
  const [header = '', claims = '', signature = ''] = signer.jwt({ a: 1 }).split('.');
  test.each([
    '',
    'a.b',
    `${header}.${claims}`,
    `${header}.${claims}.`,
    `.${claims}.${signature}`,
    `${header}.${claims}.${signature}.${signature}`,
    `${header}=.${claims}.${signature}`,
    `${header}.${claims}.${signature}=`,
    `${header}.${claims}.+${signature.slice(1)}`,
    ` ${header}.${claims}.${signature}`,
    `${header}.${claims}.${signature}\n`,
    `${header}.${Buffer.from('[]').toString('base64url')}.${signature}`,
    `${header}.${Buffer.from('null').toString('base64url')}.${signature}`,
    `${header}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.${signature}`,
    `${header}.${'A'.repeat(20_000)}.${signature}`,
  ])('%#', (text) => {
    expect(readJwt(text)).toBeUndefined();
  });
});

test('base64url is read only in its one canonical form (RFC 4648 §3.5)', () => {
  expect(fromBase64url('AA')).toEqual(Buffer.from([0]));
  expect(fromBase64url('AB')).toBeUndefined();
  expect(fromBase64url('AA==')).toBeUndefined();
  expect(fromBase64url('AA==', { padded: true })).toEqual(Buffer.from([0]));
  expect(fromBase64url('AA', { padded: true })).toBeUndefined();
  expect(fromBase64url('AB==', { padded: true })).toBeUndefined();
  expect(fromBase64url('__-_')).toEqual(Buffer.from([0xff, 0xff, 0xbf]));
  expect(fromBase64url('//+/')).toBeUndefined();
});
