import { expect, test } from 'vitest';
import { inCommands } from '../../src/cli/failure.ts';

test('the tools become commands in a next step, but not in the addresses in it', () => {
  const url = 'https://app.example.com/authenticate/get_token?x=callback_url';
  expect(inCommands(`Show ${url} and call authenticate again with callback_url.`)).toBe(
    `Show ${url} and run login again with --callback-url.`,
  );
});
