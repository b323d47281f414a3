/**
 * The answer to a request that the remote server does not answer: a JSON-RPC error (JSON-RPC 2.0 §5.1).
 */
import { type AccessError, isAccessError } from '../errors.ts';
import type { Id } from './message.ts';

/** In the range reserved for implementations (JSON-RPC 2.0 §5.1); MCP does not define it. */
const notPassed = -32050;
export const parseError = -32700;

/** The text is for the person who reads what the host shows, and for the agent. */
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

/** Without an id, since the request could not be read. */
export const unreadable = JSON.stringify({
  jsonrpc: '2.0',
  id: null,
  error: { code: parseError, message: 'This line is not a JSON-RPC message.' },
});
