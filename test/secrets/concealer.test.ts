import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createConcealer } from '../../src/secrets/concealer.ts';

const secret = 'oauth:Ab/Cd+Ef==_gh"\\ij-Kl';
const concealer = createConcealer([secret]);

describe('forms in which a credential comes back', () => {
  const forms: Record<string, string> = {
    verbatim: secret,
    'percent-encoded': encodeURIComponent(secret),
    'percent-encoded in lower case': encodeURIComponent(secret).replace(/%../g, (code) =>
      code.toLowerCase(),
    ),
    'in JSON': JSON.stringify({ a: secret }),
    'in JSON as PHP writes it': JSON.stringify({ a: secret }).replace(/\//g, '\\/'),
    'in hexadecimal': Buffer.from(secret).toString('hex'),
    'in HTML': secret.replace(/"/g, '&#34;'),
  };
  for (const [name, form] of Object.entries(forms)) {
    test(name, () => {
      const clean = concealer.text(`before ${form} after`);
      expect(clean).toContain('[redacted]');
      expect(clean).not.toContain('Cd');
      expect(concealer.bytes(Buffer.from(form)).toString()).not.toContain(form);
    });
  }
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const prefix of ['', 'a', 'ab', 'abc', 'Bearer ']) {
      test(`${encoding} after ${JSON.stringify(prefix)}`, () => {
        const encoded = Buffer.from(`${prefix}${secret} and more`).toString(encoding);
        const clean = concealer.text(encoded);
        expect(clean).toContain('[redacted]');
        const left = Buffer.from(clean.replace('[redacted]', '    '), encoding).toString('latin1');
        for (let at = 0; at + 4 <= secret.length; at += 1)
          expect(left).not.toContain(secret.slice(at, at + 4));
      });
    }
  }
});

test('finds a credential wherever the chunks are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.constantFrom(
          secret,
          secret.slice(0, 9),
          secret.slice(5),
          'x',
          'oauth:',
          Buffer.from(secret).toString('base64'),
        ),
        { maxLength: 40 },
      ),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 100, max: 400 })), {
        minLength: 1,
        maxLength: 20,
      }),
      async (parts, cuts) => {
        const whole = Buffer.from(parts.join(''));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const next = at + (cuts[turn % cuts.length] ?? 1);
          chunks.push(whole.subarray(at, next));
          at = next;
        }
        const streamed = await buffer(concealer.body(Readable.from(chunks, { objectMode: false })));
        expect(streamed.toString()).toBe(concealer.bytes(whole).toString());
        expect(streamed.toString()).not.toContain(secret);
      },
    ),
    { numRuns: 500 },
  );
});

test('the bytes around a credential are untouched, whatever they are', () => {
  const around = Buffer.from([0, 255, 254, 128, 10, 13]);
  const clean = concealer.bytes(Buffer.concat([around, Buffer.from(secret), around]));
  expect(clean).toEqual(Buffer.concat([around, Buffer.from('[redacted]'), around]));
});

test('without secrets it does nothing; a few letters are no secret', async () => {
  const idle = createConcealer(['', 'abc']);
  expect(idle.active).toBe(false);
  const bytes = Buffer.from('abcabc');
  expect(idle.bytes(bytes)).toBe(bytes);
  expect(await buffer(idle.body(Readable.from([bytes], { objectMode: false })))).toEqual(bytes);
});
