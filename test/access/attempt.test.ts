/** Which failures become values, and which are still thrown. */
import { expect, it } from 'vitest';
import { attempt } from '../../src/access/attempt.ts';
import { AccessError } from '../../src/errors.ts';

const error = (code: 'network_error' | 'cancelled') => new AccessError(code, 'It failed.', []);
const aborted = AbortSignal.abort(new Error('enough'));

it('returns the result', async () => {
  expect(await attempt(Promise.resolve(7))).toBe(7);
});

it('returns an expected failure', async () => {
  const failure = error('network_error');
  expect(await attempt(Promise.reject(failure), new AbortController().signal)).toBe(failure);
});

it.each([
  ['a cancelled call', error('cancelled'), undefined],
  ['any failure after the call was cancelled', error('network_error'), aborted],
  ['a fault of this program', new TypeError('not a function'), undefined],
])('throws %s', async (_, failure, signal) => {
  await expect(attempt(Promise.reject(failure), signal)).rejects.toBe(failure);
});
