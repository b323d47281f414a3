import { diffieHellman } from 'node:crypto';
import { expect, test } from 'vitest';
import * as sandboxBox from '../../../src/sandbox/team/nacl-box.ts';
import { boxKey, openBox } from '../nacl.ts';

// The keys of "Cryptography in NaCl" (Bernstein, 2009), section 5.
const hex = (text: string) => Buffer.from(text, 'hex');
const alicePublic = hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
const bobSecret = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
const bobPublic = hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
const firstKey = '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389';

test('the key of a box is that of the NaCl paper, computed in two ways', () => {
  const privateKey = sandboxBox.importPrivateKey(bobSecret);
  expect(sandboxBox.exportPublicKey(privateKey)).toEqual(bobPublic);
  const publicKey = sandboxBox.importPublicKey(alicePublic);
  const secret = diffieHellman({ privateKey, publicKey });
  expect(Buffer.from(sandboxBox.boxKey(secret)).toString('hex')).toBe(firstKey);
  expect(Buffer.from(boxKey(alicePublic, bobSecret)).toString('hex')).toBe(firstKey);
});

test('a box opens for its receiver, and no more once it is changed', () => {
  const sender = sandboxBox.importPrivateKey(bobSecret);
  for (const message of [
    '',
    'x',
    'More than sixty-four bytes, so that more than one block. '.repeat(3),
  ]) {
    const sealed = sandboxBox.seal(Buffer.from(message), bobPublic, sender);
    const [nonce, box] = [sealed.subarray(0, 24), sealed.subarray(24)];
    expect(openBox(box, nonce, bobPublic, bobSecret).toString()).toBe(message);
    box[box.length - 1] = (box.at(-1) ?? 0) ^ 1;
    expect(() => openBox(box, nonce, bobPublic, bobSecret)).toThrow(/does not open/);
  }
});
