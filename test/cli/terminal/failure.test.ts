import { expect, test } from 'vitest';
import { failureText, tellFailure } from '../../../src/cli/terminal/failure.ts';
import type { Shell } from '../../../src/cli/terminal/shell.ts';
import { EnvironmentError } from '../../../src/config/config.ts';
import { AccessError } from '../../../src/errors.ts';

function signInRequired(): AccessError {
  return new AccessError('sign_in_required', 'A person has to.', [{ do: 'sign_in' }]);
}

function told(error: unknown, environment: Record<string, string> = {}): string {
  let text = '';
  const pen = {
    isTerminal: false,
    width: 80,
    write: (more: string) => {
      text += more;
    },
    line: (more = '') => {
      text += `${more}\n`;
    },
    stream: () => process.stdout,
    trouble: () => undefined,
    leave: () => {},
    flushed: async () => {},
    wantsColours: () => false,
    paint: (_style: unknown, more: string) => more,
  };
  const shell: Shell = { environment, version: '0', out: pen, err: pen };
  tellFailure(shell, error, { url: new URL('https://app.example.com/') });
  return text;
}

test.each([
  [{ CI: 'true' }, 'CI=true is set'],
  [{ CF_ACCESS_HEADLESS: '1' }, 'CF_ACCESS_HEADLESS=1 is set'],
])('a login that fails because it is headless is not advised as it was: %o', (environment, why) => {
  const text = told(signInRequired(), environment);
  expect(text).toContain(why);
  expect(text).toContain('Run it with CF_ACCESS_HEADLESS=0');
  expect(text).not.toContain('Sign in:');
});

test('a person is asked where nothing says otherwise, CI being overruled', () => {
  const environment = { CI: 'true', CF_ACCESS_HEADLESS: '0' };
  const text = told(signInRequired(), environment);
  expect(text).toContain('Sign in: cloudflare-access-mcp login https://app.example.com/');
});

test('every problem of the environment has a line of its own', () => {
  const text = told(new EnvironmentError(['A is wrong.', 'B is wrong.']));
  expect(text).toContain('\n  A is wrong.\n  B is wrong.\n');
  expect(text).toContain('this shell’s environment');
});

test('who meets it in another program is told to send the request again', () => {
  const url = new URL('https://app.example.com/');
  const error = new AccessError('temporarily_unavailable', 'Not now.', [
    { do: 'retry', afterSeconds: 60 },
  ]);
  expect(failureText(error, { environment: {}, url, repeats: 'request' })).toBe(
    'Not now.\nSend the request again in a minute.',
  );
});

test('an unexpected error says its kind alone, as one JSON object too', () => {
  const lines = told(new TypeError('secret'));
  expect(lines).toContain('inside cloudflare-access-mcp (TypeError)');
  expect(lines).toContain('If it happens again, report it');
  expect(lines).not.toContain('secret');
});
