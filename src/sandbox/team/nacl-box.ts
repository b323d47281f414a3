/** The sender's side of NaCl's crypto_box (Curve25519, XSalsa20, Poly1305). */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

/** `nonce(24) ‖ box` */
export function seal(message: Uint8Array, receiver: Uint8Array, sender: KeyObject): Buffer {
  const nonce = randomBytes(24);
  const secret = diffieHellman({ privateKey: sender, publicKey: importPublicKey(receiver) });
  const box = xsalsa20poly1305(boxKey(secret), nonce).encrypt(message);
  return Buffer.concat([nonce, box]);
}

export function importPublicKey(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

export function exportPublicKey(privateKey: KeyObject): Buffer {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return Buffer.from(String(x), 'base64url');
}

export function importPrivateKey(raw: Uint8Array): KeyObject {
  // RFC 8410: a fixed PKCS #8 head, then the 32 bytes.
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex');
  return createPrivateKey({ key: Buffer.concat([head, raw]), format: 'der', type: 'pkcs8' });
}

/** crypto_box_beforenm: the shared secret through HSalsa20 with a nonce of zeros. */
export function boxKey(secret: Uint8Array): Uint8Array {
  const words = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, true));
  };
  const out = new Uint32Array(8);
  const sigma = words(new TextEncoder().encode('expand 32-byte k'));
  hsalsa(sigma, words(secret), new Uint32Array(4), out);
  const key = new Uint8Array(32);
  const view = new DataView(key.buffer);
  out.forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  return key;
}
