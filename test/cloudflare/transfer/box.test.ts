import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BoxError, createTransferKeys } from '../../../src/cloudflare/transfer/box.ts';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const padded = (bytes: Buffer) => `${bytes.toString('base64url')}=`;

/** The example of “Cryptography in NaCl” (Bernstein, 2009) §10: Alice seals for Bob. */
const bobSecret = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
const bobPublic = hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
const alicePublic = hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
const nonce = hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37');
const message =
  hex(`be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a
  1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057
  e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040
  e082f937763848645e0705`);
const box = hex(`f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4
  476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738
  b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de
  56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5`);
const delivery = Buffer.concat([nonce, box]);

describe('a transfer’s box', () => {
  const keys = createTransferKeys(bobSecret);

  test('is NaCl’s: its published example opens', () => {
    expect(keys.publicKey).toBe(padded(bobPublic));
    expect(keys.publicKey).toHaveLength(44);
    expect(Buffer.from(keys.open(`${delivery.toString('base64')}\n`, padded(alicePublic)))).toEqual(
      message,
    );
  });

  test('has fresh keys each time', () => {
    expect(createTransferKeys().publicKey).not.toBe(createTransferKeys().publicKey);
    expect(createTransferKeys().publicKey).toMatch(/^[\w-]{43}=$/);
  });

  const flipped = (at: number) =>
    Buffer.from(delivery.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  test.each<[string, string, string, RegExp]>([
    ['for another key', delivery.toString('base64'), padded(bobPublic), /not sealed for this/],
    [
      'with its nonce changed',
      flipped(3).toString('base64'),
      padded(alicePublic),
      /not sealed for this/,
    ],
    [
      'with its tag changed',
      flipped(30).toString('base64'),
      padded(alicePublic),
      /not sealed for this/,
    ],
    [
      'with its text changed',
      flipped(100).toString('base64'),
      padded(alicePublic),
      /not sealed for this/,
    ],
    [
      'cut by a byte',
      delivery.subarray(0, -1).toString('base64'),
      padded(alicePublic),
      /not sealed for this/,
    ],
    [
      'cut to less than a tag',
      delivery.subarray(0, 39).toString('base64'),
      padded(alicePublic),
      /cut short/,
    ],
    ['cut to nothing', '', padded(alicePublic), /cut short/],
    ['that is no base64', '<html>', padded(alicePublic), /not base64/],
    ['in base64url', delivery.toString('base64url'), padded(alicePublic), /not base64/],
    ['without the sender’s key', delivery.toString('base64'), '', /without the sender/],
    [
      'with a short sender’s key',
      delivery.toString('base64'),
      padded(randomBytes(31)),
      /without the sender/,
    ],
    [
      'with a sender’s key of low order (RFC 7748 §6.1)',
      delivery.toString('base64'),
      padded(Buffer.alloc(32)),
      /unusable/,
    ],
  ])('%s does not open', (_, body, senderKey, why) => {
    expect(() => keys.open(body, senderKey)).toThrow(BoxError);
    expect(() => keys.open(body, senderKey)).toThrow(why);
  });
});
