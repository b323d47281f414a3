/** A team's key, made for a test: signs JWTs as Access does, or as somebody who should not. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Signer {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** The key as it stands in `/cdn-cgi/access/certs`. */
  readonly jwk: Record<string, unknown>;
  jwt(claims: object, header?: object): string;
}

export function createSigner(keyId: string, modulusLength = 2048): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return {
    keyId,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: 'RS256', use: 'sig' },
    jwt: (claims, header = {}) => {
      const signed = unsigned({ alg: 'RS256', typ: 'JWT', kid: keyId, ...header }, claims);
      return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
    },
  };
}

export function hs256(header: object, claims: object, secret: string | Buffer): string {
  const signed = unsigned({ alg: 'HS256', typ: 'JWT', ...header }, claims);
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function unsigned(header: object, claims: object): string {
  return [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
}
