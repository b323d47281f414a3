/** No shell acts on the address of a sign-in, whoever wrote it, and it stays the same address. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shownUrl } from '../../src/shown-url.ts';
import { cases } from '../support/cases.ts';

const nasty = fc.constantFrom(
  ...[
    '$(>x)',
    '`>x`',
    ';',
    '|',
    '&',
    '!',
    "'",
    '"',
    '(',
    ')',
    '<',
    '>',
    '{a,b}',
    '[',
    ']',
    '*',
    '?',
  ],
  ...[
    '~',
    '#',
    '\\',
    '^',
    '%',
    '%24',
    '%zz',
    '=',
    '+',
    ',',
    ':',
    '@',
    '/',
    '..',
    '\n',
    '\t',
    ' ',
    `$${'{IFS}'}`,
  ],
  ...[
    `&touch$${'{IFS}'}x`,
    '&>x',
    ';>x;',
    '&&',
    `|tee$${'{IFS}'}x`,
    'ä',
    '😀',
    'reboot',
    'a',
    'PATH=',
    '-',
  ],
);
const text = fc.array(nasty, { maxLength: 12 }).map((parts) => parts.join(''));
const urls = fc
  .tuple(
    fc.constantFrom('app.example.com', 'a$(x)b.example.com', "a';b.example.com", '[::1]:8400'),
    text,
    text,
    text,
  )
  .map(([host, path, query, hash]) => `https://${host}/${path}?${query}#${hash}`)
  .filter((each) => URL.canParse(each))
  .map((each) => new URL(each))
  // A parameter without a name means nothing to anybody, and zsh runs the program behind its `=`.
  .filter(({ username, password, search }) => !username && !password && !search.includes('&='));

const runs = { numRuns: cases(10_000) };

it('holds no character that a shell acts on but ? and &, and no command behind an & (RFC 3986 §2.1)', () => {
  fc.assert(
    fc.property(urls, (url) => {
      const address = shownUrl(url);
      expect(address).toMatch(/^https:\/\/[\w.:[\]%-]+\/[\w.~/:@%+,=?&#-]*$/);
      for (const part of address.split('&').slice(1)) {
        expect(part.split('#')[0]).toMatch(/^(?:$|%|[A-Za-z_]\w*=)/);
      }
      expect(address.slice(0, address.search(/[?#]|$/))).not.toContain('&');
    }),
    runs,
  );
});

it('is the same address: host, path, parameters and fragment, and stays as it is', () => {
  const decoded = (escaped: string) => Buffer.from(unescape(escaped), 'latin1').toString();
  fc.assert(
    fc.property(urls, (url) => {
      const again = new URL(shownUrl(url));
      expect(again.origin).toBe(url.origin);
      expect(decoded(again.pathname)).toBe(decoded(url.pathname));
      expect([...again.searchParams]).toEqual([...url.searchParams]);
      expect(decoded(again.hash)).toBe(decoded(url.hash));
      expect(shownUrl(again)).toBe(shownUrl(url));
    }),
    runs,
  );
});

it('runs nothing when it is pasted into a shell', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shown-url-'));
  try {
    for (const url of fc.sample(urls, 100)) {
      // What is not found, and syntax that is none, only complains.
      for (const shell of ['sh', 'bash']) {
        spawnSync(shell, ['-c', `echo ${shownUrl(url)}\nwait`], { cwd: folder, stdio: 'ignore' });
      }
    }
    expect(readdirSync(folder)).toEqual([]);
    execFileSync('sh', ['-c', 'echo https://app.example.com/$(>x)'], { cwd: folder });
    expect(readdirSync(folder), 'the test cannot see a command that runs').toEqual(['x']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('leaves an honest address as it is', () => {
  const honest =
    'https://acme.cloudflareaccess.com/cdn-cgi/access/oauth/authorization?client_id=1-a&redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fcallback&state=a_b-c&resource=https%3A%2F%2Fwiki.example.com%2F&x=a+b';
  expect(shownUrl(new URL(honest))).toBe(honest);
});
