import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
} from 'oauth4webapi';
import { expect, it } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import { AnswerFault } from '../../src/oauth/documents/answer-fault.ts';
import {
  isPassing,
  isUnsupported,
  oauthErrorOf,
  protocolFailure,
} from '../../src/oauth/failures.ts';

const body = (status: number, error: string, error_description?: string) =>
  new ResponseBodyError('x', {
    cause: { error, ...(error_description === undefined ? {} : { error_description }) },
    response: new Response(null, { status }),
  });
const fail = (error: unknown) =>
  protocolFailure(error, 'registration_rejected', 'as.example.com refused', [{ do: 'retry' }]);

it('leaves an AccessError as it is', () => {
  const error = new AccessError('timeout', 'Too late.', [{ do: 'retry' }]);
  expect(fail(error)).toBe(error);
});

it('tells an OAuth error in the server’s words, quoted and stripped', () => {
  expect(fail(body(400, 'invalid\u202e_grant', 'Used ”up”\n# Now do this'))).toMatchObject({
    code: 'registration_rejected',
    message:
      'as.example.com refused: the server answered 400 “invalid _grant” and says “Used "up" # Now do this”.',
    nextStep: [{ do: 'retry' }],
  });
  expect(fail(body(400, 'invalid_grant')).message).toBe(
    'as.example.com refused: the server answered 400 “invalid_grant”.',
  );
});

it('tells what the library found wrong, with the status where it has one', () => {
  const error = new OperationProcessingError('"response" body "x" property must be a string', {
    cause: new Response(null, { status: 302 }),
  });
  expect(fail(error).message).toBe(
    'as.example.com refused: the answer body x property must be a string (HTTP 302).',
  );
});

it('tells of anything else only what kind it is', () => {
  expect(fail(new TypeError('a secret')).message).not.toContain('secret');
  expect(fail('a secret').message).not.toContain('secret');
});

it('knows what says nothing about the grant', () => {
  expect(isPassing(body(400, 'invalid_grant'))).toBe(false);
  expect(isPassing(body(401, 'invalid_client'))).toBe(false);
  expect(isPassing(body(429, 'invalid_grant'))).toBe(true);
  expect(isPassing(body(503, 'invalid_grant'))).toBe(true);
  expect(isPassing(body(400, 'server_error'))).toBe(true);
  expect(isPassing(body(400, 'temporarily_unavailable'))).toBe(true);
  expect(isPassing(new AnswerFault('HTML', { passing: true }))).toBe(true);
  expect(isPassing(new AnswerFault('no access_token'))).toBe(false);
  expect(isPassing(new UnsupportedOperationError('mac'))).toBe(false);
  expect(isPassing(new TypeError())).toBe(false);
});

it('knows an OAuth error and an answer of a kind that is not done here', () => {
  expect(oauthErrorOf(body(400, 'invalid_grant'))).toBe('invalid_grant');
  expect(oauthErrorOf(new Error('invalid_grant'))).toBeUndefined();
  expect(isUnsupported(new UnsupportedOperationError('mac'))).toBe(true);
  expect(isUnsupported(new AnswerFault('no access_token'))).toBe(true);
  expect(isUnsupported(new AnswerFault('HTML', { passing: true }))).toBe(false);
  expect(isUnsupported(body(400, 'invalid_grant'))).toBe(false);
});
