/** The kept reason of a failed sign-in: what other processes learn of it. */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import type { NextStep } from '../../src/next-step.ts';
import { type PendingSignIn, recordSchemas } from '../../src/session/records.ts';
import { failed } from '../../src/sign-in/pending.ts';
import { failureOf } from '../../src/sign-in/sign-in.ts';

const pending: PendingSignIn = {
  format: 1,
  resource: 'https://app.example.com/',
  method: 'device_code',
  startedAt: 0,
  expiresAt: 600_000,
  aliveAt: 0,
};
const read = (record: unknown) =>
  v.safeParse(recordSchemas.pending, JSON.parse(JSON.stringify(record)));
const withStep = (nextStep: unknown) => ({
  ...pending,
  failure: { code: 'sign_in_declined', message: 'No.', nextStep },
});

describe('the reason of a failed sign-in', () => {
  it('is read by another process as it was, its next steps as data', () => {
    const nextStep: NextStep = [
      { when: 'not_declined', do: 'ask_operator', host: 'as.example.com', to: 'allow the account' },
      { do: 'sign_in', url: 'https://app.example.com/a', force: true },
    ];
    const record = read(failed(pending, new AccessError('sign_in_declined', 'No.', nextStep)));
    const failure = record.success ? record.output.failure : undefined;
    if (!failure) throw new Error('it was not read');
    expect(failureOf(failure)).toMatchObject({
      code: 'sign_in_declined',
      message: 'No.',
      nextStep,
    });
  });

  it('is still read where an earlier version wrote its next step in words', () => {
    const record = read(withStep('Do not ask again unless the person wants to.'));
    expect(record.success && record.output.failure).toEqual({
      code: 'sign_in_declined',
      message: 'No.',
      nextStep: [{ do: 'sign_in' }],
    });
  });

  it.each([
    ['a kind that is none', [{ do: 'run', command: 'rm -r /' }]],
    ['a member that is not the kind’s', [{ do: 'retry', command: 'rm -r /' }]],
    ['steps without end', Array.from({ length: 17 }, () => ({ do: 'retry' }))],
    ['a text without end', [{ do: 'check', whether: 'x'.repeat(70_000) }]],
    ['no steps but an object', { do: 'retry' }],
    ['nothing', null],
  ])('is not believed with %s', (_, nextStep) => {
    expect(read(withStep(nextStep)).success).toBe(false);
  });
});
