/**
 * NaCl's crypto_box_open from the papers (Bernstein: Salsa20, Extending the Salsa20 nonce, Poly1305), slow
 * and plain, so that nothing which opens a box in the tests is what sealed it.
 */
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';

export function openBox(
  box: Uint8Array,
  nonce: Uint8Array,
  sender: Uint8Array,
  receiver: Uint8Array,
): Buffer {
  const firstKey = boxKey(sender, receiver);
  const key = salsa20(firstKey, nonce.subarray(0, 16), false);
  const stream: number[] = [];
  for (let block = 0; stream.length < box.length + 16; block++) {
    const input = new Uint8Array(16);
    input.set(nonce.subarray(16));
    new DataView(input.buffer).setUint32(8, block, true);
    stream.push(...salsa20(key, input, true));
  }
  const sealed = box.subarray(16);
  const tag = poly1305(Uint8Array.from(stream.slice(0, 32)), sealed);
  if (!Buffer.from(tag).equals(box.subarray(0, 16))) throw new Error('The box does not open');
  return Buffer.from(sealed.map((byte, index) => byte ^ (stream[index + 32] ?? 0)));
}

/** crypto_box_beforenm */
export function boxKey(publicKey: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const secret = diffieHellman({
    privateKey: createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), privateKey]),
      format: 'der',
      type: 'pkcs8',
    }),
    publicKey: createPublicKey({
      key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), publicKey]),
      format: 'der',
      type: 'spki',
    }),
  });
  return salsa20(secret, new Uint8Array(16), false);
}

/** Salsa20's 64-byte block (`feed`), or HSalsa20's 32 bytes: no feed-forward, eight of the words. */
function salsa20(key: Uint8Array, input: Uint8Array, feed: boolean): Uint8Array {
  const c = new TextEncoder().encode('expand 32-byte k');
  const state = new Uint8Array(64);
  state.set(c.subarray(0, 4), 0);
  state.set(key.subarray(0, 16), 4);
  state.set(c.subarray(4, 8), 20);
  state.set(input, 24);
  state.set(c.subarray(8, 12), 40);
  state.set(key.subarray(16, 32), 44);
  state.set(c.subarray(12, 16), 60);
  const view = new DataView(state.buffer);
  const start = Array.from({ length: 16 }, (_, i) => view.getUint32(i * 4, true));
  const x = [...start];
  const at = (i: number) => x[i] as number;
  const step = (to: number, a: number, b: number, bits: number) => {
    const sum = (at(a) + at(b)) >>> 0;
    x[to] = (at(to) ^ ((sum << bits) | (sum >>> (32 - bits)))) >>> 0;
  };
  const quarter = (a: number, b: number, d: number, e: number) => {
    step(b, a, e, 7);
    step(d, b, a, 9);
    step(e, d, b, 13);
    step(a, e, d, 18);
  };
  for (let round = 0; round < 10; round++) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
  const words = feed
    ? x.map((word, i) => (word + (start[i] as number)) >>> 0)
    : [0, 5, 10, 15, 6, 7, 8, 9].map(at);
  const out = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => {
    out.setUint32(i * 4, word, true);
  });
  return new Uint8Array(out.buffer);
}

function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  const number = (bytes: Uint8Array) =>
    [...bytes].reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const prime = (1n << 130n) - 5n;
  let sum = 0n;
  for (let from = 0; from < message.length; from += 16) {
    const block = message.subarray(from, from + 16);
    sum = ((sum + number(block) + (1n << BigInt(block.length * 8))) * r) % prime;
  }
  let tag = sum + number(key.subarray(16, 32));
  return Uint8Array.from({ length: 16 }, () => {
    const byte = Number(tag & 0xffn);
    tag >>= 8n;
    return byte;
  });
}
