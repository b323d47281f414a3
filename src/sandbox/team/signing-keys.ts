/**
 * The team's RS256 keys: signs and verifies JWTs (RFC 7519) and publishes the public keys (RFC 7517). The
 * previous key stays valid, as at a real team. No PEM certificates.
 */
import {
  createHash,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export type Claims = Readonly<Record<string, unknown>>;

export class SigningKeys {
  #keys: SigningKey[];

  private constructor(first: SigningKey) {
    this.#keys = [first];
  }

  /** Makes the first key off the main thread: it takes a tenth of a second or more. */
  static async create(): Promise<SigningKeys> {
    return new SigningKeys(describe(await generate('rsa', { modulusLength: 2048 })));
  }

  rotate(): void {
    const next = describe(generateKeyPairSync('rsa', { modulusLength: 2048 }));
    this.#keys = [next, ...this.#keys].slice(0, 2);
  }

  sign(claims: Claims): string {
    const [key] = this.#keys as [SigningKey];
    const input = `${encode({ alg: 'RS256', kid: key.kid, typ: 'JWT' })}.${encode(claims)}`;
    return `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`;
  }

  /** The claims of a JWT that one of the keys signed and that has not expired. */
  verify(jwt: string): Claims | undefined {
    const [header, payload, signature, ...rest] = jwt.split('.');
    if (!header || !payload || !signature || rest.length > 0) return undefined;
    const { alg, kid } = decode(header) ?? {};
    const key = this.#keys.find((one) => one.kid === kid);
    if (alg !== 'RS256' || key === undefined) return undefined;
    const input = Buffer.from(`${header}.${payload}`);
    if (!verify('sha256', input, key.publicKey, Buffer.from(signature, 'base64url'))) {
      return undefined;
    }
    const claims = decode(payload);
    if (claims === undefined) return undefined;
    if (typeof claims.exp === 'number' && claims.exp * 1000 <= Date.now()) return undefined;
    return claims;
  }

  jwks(): { keys: Claims[] } {
    return {
      keys: this.#keys.map(({ kid, publicKey }) => {
        const { kty, n, e } = publicKey.export({ format: 'jwk' });
        return { kid, kty, alg: 'RS256', use: 'sig', e, n };
      }),
    };
  }
}

function describe({ privateKey, publicKey }: KeyPairKeyObjectResult): SigningKey {
  const kid = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('hex');
  return { kid, privateKey, publicKey };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
