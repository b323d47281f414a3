/** Words from the network stay words: short, on one line, in their order (contract §4.8). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderCallbackPage } from '../../src/host/loopback/callback-page.ts';
import { cleanServerText, quoteServerText } from '../../src/server-text.ts';

const nasty = fc.constantFrom(
  '\u001b[2J',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\u0000',
  '\r\n',
  '\ud800',
  '\u{e0041}',
  '“',
  '”',
  '"',
  '<script>',
  '&',
  'x',
  ' ',
  '\u00ad',
  '\ufeff',
  '😀',
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.array(nasty, { maxLength: 400 }).map((parts) => parts.join('')),
);
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

it('lets no control or bidirectional character through, and at most 200 characters', () => {
  fc.assert(
    fc.property(text, (words) => {
      const clean = cleanServerText(words);
      expect(clean).not.toMatch(unprintable);
      expect([...clean].length).toBeLessThanOrEqual(200);
      expect(cleanServerText(clean)).toBe(clean);
    }),
    { numRuns: 1_000 },
  );
});

it('quotes so that the words cannot end their own quotation', () => {
  fc.assert(
    fc.property(text, (words) => {
      const quoted = quoteServerText(words);
      expect(quoted).toMatch(/^“[^“”]*”$/);
    }),
  );
});

it('puts words on the callback page as text alone', () => {
  fc.assert(
    fc.property(text, (message) => {
      const page = renderCallbackPage({ status: 'failed', application: message, message });
      expect(page).not.toMatch(/<script|[\u202a-\u202e\u2066-\u2069]/);
      expect(page.match(/<main>/g)).toHaveLength(1);
    }),
  );
});
