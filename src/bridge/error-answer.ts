/** What a request is answered with when the remote server does not answer it: an error of JSON-RPC 2.0 §5.1. */
import { type AccessError, isAccessError } from '../errors.ts';
import type { Id } from './message.ts';

/** Of the range that is left to implementations; MCP has given it no meaning. */
const notPassed = -32050;
export const parseError = -32700;

/** In words: for the person who reads what the host shows, and for the agent. */
export interface Explain {
  readonly person: (error: unknown) => string;
  readonly agent: (nextStep: AccessError['nextStep']) => string;
}

export function errorAnswer(id: Id, error: unknown, explain: Explain): string {
  const words = explain.person(error);
  const data = isAccessError(error)
    ? { code: error.code, next_step: explain.agent(error.nextStep), ...error.details }
    : { code: 'internal_error' };
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: notPassed, message: words, data } });
}

/** Without an id: nobody can say what was asked. */
export const unreadable = JSON.stringify({
  jsonrpc: '2.0',
  id: null,
  error: { code: parseError, message: 'This line is no JSON-RPC message.' },
});
