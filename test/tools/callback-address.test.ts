/** The spellings in which people paste the address that their browser could not load. */
import { describe, expect, it } from 'vitest';
import { isAccessError } from '../../src/errors.ts';
import { callbackResponse } from '../../src/tools/callback-address.ts';

const query = 'code=a%2Fb-c_d.e~f&state=S-1_x&iss=https%3A%2F%2Fteam.example.com';
const address = `http://localhost:8400/callback?${query}`;
const escaped = (mark: string) => address.replace(/[?&=]/g, `${mark}$&`);

describe('a pasted callback (RFC 8252 §7.3)', () => {
  it.each<[string, string]>([
    ['as it stands', address],
    ['with white space around', `  ${address}\r\n`],
    ['broken by a terminal', `${address.slice(0, 40)}\n  ${address.slice(40)}`],
    ['in angle brackets', `<${address}>`],
    ['in double quotes', `"${address}"`],
    ['in single quotes', `'${address}'`],
    ['in typographic quotes', `“${address}”`],
    ['in backticks', `\`${address}\``],
    ['as a Markdown link', `[callback](${address})`],
    ['as a Markdown link with angle brackets', `[${address}](<${address}>)`],
    ['emphasised', `**${address}**`],
    ['with a full stop', `${address}.`],
    ['in parentheses', `(${address})`],
    ['without a scheme', `localhost:8400/callback?${query}`],
    ['with a leading question mark', `?${query}`],
    ['the query alone', query],
    ['HTML-escaped', address.replaceAll('&', '&amp;')],
    ['JSON-escaped', address.replaceAll('&', '\\u0026')],
    ['escaped by a shell', escaped('\\')],
    ['escaped by PowerShell', escaped('`')],
    ['escaped by cmd.exe', escaped('^')],
    ['behind a forwarded host name', `https://8400--dev-box.example.dev/callback?${query}`],
    ['with a fragment', `${address}#_=_`],
  ])('is accepted %s', (_, text) => {
    expect([...callbackResponse(text)]).toEqual([
      ['code', 'a/b-c_d.e~f'],
      ['state', 'S-1_x'],
      ['iss', 'https://team.example.com'],
    ]);
  });

  it('keeps a refusal, and a parameter that is given twice, for those who judge it', () => {
    expect([...callbackResponse('?error=access_denied&state=x&state=y')]).toEqual([
      ['error', 'access_denied'],
      ['state', 'x'],
      ['state', 'y'],
    ]);
  });

  it.each([
    '',
    'yes',
    'http://localhost:8400/callback',
    'http://localhost:8400/callback?code=x',
    'http://localhost:8400/callback?state=x',
    `code=${'x'.repeat(20_000)}&state=y`,
  ])('is refused without what an authorization response has: %s', (text) => {
    expect(() => callbackResponse(text)).toThrow(
      expect.toSatisfy((error) => isAccessError(error, 'invalid_input')),
    );
  });
});
