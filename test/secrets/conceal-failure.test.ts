/** A failure that quotes what an origin sent must not hold the credential that was sent there. */
import { expect, it } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import { concealFailure, createConcealer } from '../../src/secrets/concealer.ts';

const secret = 'oauth:f00dfeedbeefcafe0123456789';

it('is without the credential in its message, its details and its next steps', () => {
  const error = new AccessError(
    'redirect_refused',
    `It leads to https://evil.example/?t=${secret}`,
    [
      { when: 'wanted', do: 'correct_input', with: `GET and “https://evil.example/${secret}”` },
      {
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_HOSTS', entry: `${encodeURIComponent(secret)}.example` }],
      },
      { do: 'sign_in', url: `https://app.example.com/${secret}`, method: 'device' },
    ],
    { details: { authorization_url: `https://as.example.com/${secret}` } },
  );
  const clean = concealFailure(
    error,
    createConcealer([secret, 'device', 'sign_in']),
  ) as AccessError;
  const { code, message, nextStep, details } = clean;
  expect(JSON.stringify([message, nextStep, details])).not.toContain('f00dfeed');
  // What is no text of anybody's stays, whatever a secret looks like.
  expect(code).toBe('redirect_refused');
  expect(nextStep).toMatchObject([
    { when: 'wanted', do: 'correct_input' },
    { do: 'set_variables' },
    { do: 'sign_in', method: 'device' },
  ]);
});
