/** A host pattern hands out a secret: it never matches more than it says (contract §1, CF_ACCESS_HOSTS). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matchesHost, parseHostPatterns } from '../../src/cloudflare/host-pattern.ts';
import { isAccessTeamHost } from '../../src/cloudflare/team.ts';

const label = fc.string({ unit: fc.constantFrom(...'abc1-'), minLength: 1, maxLength: 5 });
const junk = fc.constantFrom(
  '',
  '.',
  '..',
  '*',
  '*.',
  '@',
  '/',
  ':',
  ':443',
  ':8443',
  '\\',
  '#',
  '?',
  '%2e',
  ' ',
  '\u3002',
  '\uff0e',
  'ß',
  '\u200b',
  '[',
  ']',
  'xn--',
);
const host = fc
  .array(fc.oneof(label, junk), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('.'));
const entry = fc.oneof(
  host,
  host.map((text) => `*.${text}`),
  fc.tuple(host, junk).map(([text, more]) => text + more),
  fc.constant('app.example.com'),
  fc.constant('*.corp.example.com'),
);
const target = fc
  .tuple(fc.constantFrom('https', 'http'), fc.oneof(host, fc.constant('a.corp.example.com')), junk)
  .map(([scheme, text, more]) => `${scheme}://${text}${more}/`);

it('matches a host only when the pattern is written in it, label by label', async () => {
  await fc.assert(
    fc.asyncProperty(entry, target, async (text, address) => {
      const { patterns } = await parseHostPatterns(text);
      if (!URL.canParse(address)) return;
      const url = new URL(address);
      for (const pattern of patterns) {
        if (!matchesHost(pattern, url)) continue;
        expect(url.protocol).toBe('https:');
        expect(url.username + url.password).toBe('');
        const wanted = pattern.hostname.split('.');
        const given = url.hostname.split('.');
        expect(given.slice(-wanted.length)).toEqual(wanted);
        expect(given.length > wanted.length).toBe(pattern.wildcard);
        expect(url.port).toBe(pattern.port);
        expect(given.every((one) => one !== '')).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('accepts no pattern that stands for a whole public suffix or for everything', async () => {
  await fc.assert(
    fc.asyncProperty(entry, async (text) => {
      const { patterns } = await parseHostPatterns(text);
      for (const stranger of [
        'https://evil.example',
        'https://evil.com',
        'https://evil.co.uk',
        'https://evil.pages.dev',
        'https://evil.cloudflareaccess.com',
      ]) {
        expect(patterns.some((pattern) => matchesHost(pattern, new URL(stranger)))).toBe(false);
      }
    }),
  );
});

it('never takes a longer pattern list for fewer problems', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (entries) => {
      const texts = entries.filter((text) => !/[\s,]/.test(text) && text !== '');
      const { patterns, problems } = await parseHostPatterns(texts.join(','));
      expect(patterns.length + problems.length).toBe(texts.length);
    }),
  );
});

it('takes for a team only what lies below cloudflareaccess.com (contract §4.3)', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        host,
        host.map((text) => `${text}.cloudflareaccess.com`),
        host.map((text) => `${text}cloudflareaccess.com`),
      ),
      (text) => {
        if (!isAccessTeamHost(text)) return;
        const url = new URL(`https://${text}/`);
        expect(url.host).toBe(text);
        expect(url.hostname.split('.').slice(-2)).toEqual(['cloudflareaccess', 'com']);
        expect(url.hostname.split('.').length).toBeGreaterThan(2);
      },
    ),
    { numRuns: 1_000 },
  );
});
