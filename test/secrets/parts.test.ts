/** A long stream in parts: nothing is missed at their ends, and they are not copied. */
import { expect, test } from 'vitest';
import { createConcealer } from '../../src/secrets/concealer.ts';
import { cpuMs } from '../support/cpu-time.ts';

const kibibyte = 1024;
const secret = 'oauth:Ab/Cd+Ef==_gh"\\ij-Kl';
const assertion = [
  Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k'.repeat(40) })),
  Buffer.from(JSON.stringify({ aud: ['a'.repeat(64)], sub: 'somebody' })),
  Buffer.alloc(256, 'signature'),
]
  .map((part) => part.toString('base64url'))
  .join('.');
const forms: Record<string, string> = {
  'a secret': secret,
  'a secret in base64': Buffer.from(secret).toString('base64'),
  'an assertion': assertion,
};

/** Words that begin no secret, of `length` bytes. */
const filler = (length: number) => Buffer.alloc(length, 'NMPQRSTUVWXYZ 23456789.\n');

test.each(Object.entries(forms))('finds %s around the ends of long parts', (_, form) => {
  const concealer = createConcealer([secret]);
  const long = 100 * kibibyte;
  // Around the end of a part, and around the place up to which the next one is looked at first.
  for (const near of [0, 32 * kibibyte]) {
    for (let at = near - form.length - 2; at <= near + 2; at += 1) {
      const before = filler(long);
      before.write('oauth:A', long - 7);
      const after = filler(long);
      const whole = Buffer.concat([before, after]);
      whole.write(form, long + at);
      const parts = concealer.parts();
      const shown = Buffer.concat([
        ...parts.next(whole.subarray(0, long)),
        ...parts.next(whole.subarray(long)),
        parts.last(),
      ]);
      expect(shown.equals(concealer.bytes(whole)), `${at}`).toBe(true);
      expect(shown.includes(form)).toBe(false);
    }
  }
});

test('a secret longer than what is looked at first is found too', () => {
  const long = `token-${'0123456789abcdef'.repeat(4 * kibibyte)}`;
  const concealer = createConcealer([long]);
  const whole = Buffer.concat([filler(1000), Buffer.from(long), filler(200 * kibibyte)]);
  const parts = concealer.parts();
  const shown = [
    ...parts.next(whole.subarray(0, 1100)),
    ...parts.next(whole.subarray(1100)),
    parts.last(),
  ];
  expect(Buffer.concat(shown).equals(concealer.bytes(whole))).toBe(true);
  expect(Buffer.concat(shown).includes('0123456789abcdef')).toBe(false);
});

test('a long part after the beginning of a secret is passed on in its own memory', () => {
  const parts = createConcealer([secret]).parts();
  const before = filler(512 * kibibyte);
  before.write('oauth:A', before.length - 7);
  const after = filler(512 * kibibyte);
  parts.next(before);
  const inPlace = parts.next(after).filter(({ buffer }) => buffer === after.buffer);
  const bytes = inPlace.reduce((sum, { length }) => sum + length, 0);
  expect(bytes).toBeGreaterThan(470 * kibibyte);
});

// What is open may begin at each third of its bytes: read to the end from each, 24 kB took seconds.
test('a part that a repetitive secret may go on in is read a few times at most', () => {
  const repetitive = 'ab='.repeat(8_000);
  const parts = createConcealer([repetitive]).parts();
  const open = Buffer.from(repetitive.slice(0, -1));
  const searching = cpuMs(() => {
    expect(parts.next(open).join('')).toBe('');
  });
  expect(searching).toBeLessThan(500);
  expect(parts.next(Buffer.from('=.')).join('') + parts.last()).toBe('[redacted].');
});
