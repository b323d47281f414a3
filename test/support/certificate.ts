/** A self-signed certificate (RFC 5280) for any names, trusted by being its own authority. */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const sequence = 0x30;
const ecdsaWithSha256 = der(sequence, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));

/** `validity`: from when until when, as UTCTime (YYMMDDhhmmssZ). */
export function createCertificate(
  names: readonly string[],
  validity: readonly [from: string, until: string] = ['200101000000Z', '491231235959Z'],
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const name = der(
    sequence,
    der(0x31, der(sequence, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, 'test'))),
  );
  const alternatives = names.map((each) => der(0x82, each));
  const extensions = [
    extension('551d11', der(sequence, ...alternatives)),
    extension('551d13', der(sequence, der(0x01, Buffer.from([0xff])))),
  ];
  const toSign = der(
    sequence,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    name,
    der(sequence, ...validity.map((instant) => der(0x17, instant))),
    name,
    publicKey,
    der(0xa3, der(sequence, ...extensions)),
  );
  const signature = sign('sha256', toSign, createPrivateKey(privateKey));
  const whole = der(sequence, toSign, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function extension(identifier: string, value: Buffer): Buffer {
  return der(sequence, der(0x06, Buffer.from(identifier, 'hex')), der(0x04, value));
}

function der(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
  const { length } = content;
  const head =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}
