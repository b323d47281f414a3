/**
 * The encryption of a browser transfer's tokens: NaCl's crypto_box (X25519, XSalsa20, Poly1305). The key
 * pair is used for one sign-in only. Whoever knows the public key can fetch the delivery, which is
 * encrypted but can be fetched only once, so the public key is treated as a secret too.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { fromBase64url } from '../jwt.ts';

export interface TransferKeys {
  /** base64url with padding: 44 characters. */
  readonly publicKey: string;
  /** Decrypts a delivery. Throws `BoxError`. */
  open(body: string, senderKey: string): Uint8Array;
}

/** Why a delivery cannot be decrypted, as the predicate of “the delivery”. */
export class BoxError extends Error {
  override readonly name = 'BoxError';
}

const nonceLength = 24;
const tagLength = 16;
const sigma = 'expand 32-byte k';

/** Generates keys, or uses `privateKey`, the 32 bytes of RFC 7748 §5. */
export function createTransferKeys(privateKey?: Uint8Array): TransferKeys {
  const own = privateKey ? importPrivateKey(privateKey) : generateKeyPairSync('x25519').privateKey;
  const { x } = createPublicKey(own).export({ format: 'jwk' });
  return { publicKey: `${x}=`, open: (body, senderKey) => open(body, senderKey, own) };
}

/** RFC 8410 §7: a PKCS #8 wrapper of fixed length around the 32 bytes. */
function importPrivateKey(bytes: Uint8Array): KeyObject {
  const wrapper = Buffer.from('302e020100300506032b656e04220420', 'hex');
  return createPrivateKey({ key: Buffer.concat([wrapper, bytes]), format: 'der', type: 'pkcs8' });
}

/** `body`: standard base64 of nonce ‖ box. `senderKey`: base64url with padding. */
function open(body: string, senderKey: string, privateKey: KeyObject): Uint8Array {
  const text = body.trim();
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new BoxError('is not base64');
  if (bytes.length < nonceLength + tagLength) throw new BoxError('is cut short');
  const sender = fromBase64url(senderKey.trim(), { padded: true });
  if (sender?.length !== 32) throw new BoxError('comes without the sender’s key');
  const key = sharedKey(privateKey, sender);
  try {
    const nonce = bytes.subarray(0, nonceLength);
    return xsalsa20poly1305(key, nonce).decrypt(bytes.subarray(nonceLength));
  } catch (error) {
    throw new BoxError('was not sealed for this sign-in, or was damaged', { cause: error });
  }
}

/** crypto_box_beforenm: HSalsa20 over the X25519 shared secret and a nonce of zeros. */
function sharedKey(privateKey: KeyObject, sender: Buffer): Uint8Array {
  let secret: Buffer;
  try {
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'X25519', x: sender.toString('base64url') },
      format: 'jwk',
    });
    secret = diffieHellman({ privateKey, publicKey });
  } catch (error) {
    // A point of low order, with which anybody could compute the shared key.
    throw new BoxError('comes with an unusable sender’s key', { cause: error });
  }
  const out = new Uint32Array(8);
  hsalsa(words(Buffer.from(sigma)), words(secret), new Uint32Array(4), out);
  return new Uint8Array(out.buffer);
}

/** The same bytes as words in the machine's byte order, as `hsalsa` expects. */
function words(bytes: Buffer): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}
