import { expect, test } from 'vitest';
import { inCommands, tellFailure } from '../../../src/cli/terminal/failure.ts';
import type { Shell } from '../../../src/cli/terminal/shell.ts';
import { EnvironmentError } from '../../../src/config/config.ts';
import { AccessError } from '../../../src/errors.ts';

test('the tools become commands in a next step, but not in the addresses in it', () => {
  const url = 'https://app.example.com/authenticate/get_token?x=callback_url';
  expect(inCommands(`Show ${url} and call authenticate again with callback_url.`)).toBe(
    `Show ${url} and run login again with --callback-url.`,
  );
});

test.each([
  ['Call authenticate without "method": "device".', 'Run login without --device.'],
  [
    "Ask the person for a service token that the application allows, set as CF_ACCESS_CLIENT_ID in this server's environment, and restart it.",
    "Get a service token that the application allows, set as CF_ACCESS_CLIENT_ID in this shell's environment.",
  ],
  [
    'Do not retry. Ask the person to check CF_ACCESS_CLIENT_ID, renew the token there if it has expired, have it named in a policy if it is not, and restart this server.',
    'Do not retry. Check CF_ACCESS_CLIENT_ID, renew the token there if it has expired, and have it named in a policy if it is not.',
  ],
  [
    'The answer would be the same. Ask the person to have an administrator of it allow them (or the service token) in the policies, or to sign in as somebody who is allowed: authenticate with force.',
    'The answer would be the same. Have an administrator of it allow you (or the service token) in the policies, or sign in as somebody who is allowed: login --force.',
  ],
  [
    'Try again in a few minutes; if it stays so, tell the person that the tunnel has to be started.',
    'Try again in a few minutes; if it stays so, the tunnel has to be started.',
  ],
  [
    'Do not sign in there. Ask the person whether they know this authorization server; if they do, they add its issuer to CF_ACCESS_AUTHORIZATION_SERVERS in this server’s environment and restart it.',
    'Do not sign in there. See whether you know this authorization server; if you do, add its issuer to CF_ACCESS_AUTHORIZATION_SERVERS in this shell’s environment.',
  ],
])('what an agent has to tell the person is told to them: %s', (theirs, ours) => {
  expect(inCommands(theirs)).toBe(ours);
});

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
    trouble: () => undefined,
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
  const text = told(new AccessError('sign_in_required', 'A person has to.', 'x'), environment);
  expect(text).toContain(why);
  expect(text).toContain('Run it with CF_ACCESS_HEADLESS=0');
  expect(text).not.toContain('Sign in first');
});

test('a person is asked where nothing says otherwise, CI being overruled', () => {
  const environment = { CI: 'true', CF_ACCESS_HEADLESS: '0' };
  const text = told(new AccessError('sign_in_required', 'A person has to.', 'x'), environment);
  expect(text).toContain('Sign in first: cloudflare-access-mcp login https://app.example.com/');
});

test('every problem of the environment has a line of its own', () => {
  const text = told(new EnvironmentError(['A is wrong.', 'B is wrong.']));
  expect(text).toContain('\n  A is wrong.\n  B is wrong.\n');
  expect(text).toContain('this shell’s environment');
});
