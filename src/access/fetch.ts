/**
 * Sends a request and returns its answer, following redirects, each hop with the credential of its own
 * resource or none. Used by both the tool access_fetch and the command line's fetch.
 */
import type { Abortable } from '../abortable.ts';
import { followRedirects, type HopAnswer, type HopOptions, type HopResult } from '../http/hops.ts';
import type { HopRequest } from '../http/next-hop.ts';
import type { Access } from './access.ts';
import type { ExchangeOptions } from './exchange/tried.ts';

export interface FetchOptions extends Omit<ExchangeOptions, 'signal'>, HopOptions {
  /** Aborts everything, including the reading of the body. */
  readonly signal: Abortable;
  /** False: a redirect is returned like any other answer. */
  readonly follow?: boolean;
  /** Called before each hop; `onAnswer` with each hop's answer. */
  readonly onHop?: (hop: HopRequest) => void;
  readonly onAnswer?: (answer: HopAnswer) => void;
}

/** `request`: without a signal of its own. Throws what `followRedirects` and `sendHop` throw. */
export function fetchWithAccess(
  { sendHop }: Pick<Access, 'sendHop'>,
  request: Omit<HopRequest, 'signal'>,
  options: FetchOptions,
): Promise<HopResult> {
  const { signal, follow = true, onHop, onAnswer } = options;
  const send = async (hop: HopRequest): Promise<HopAnswer> => {
    onHop?.(hop);
    const answer = await sendHop(hop, options);
    onAnswer?.(answer);
    return follow ? answer : { ...answer, final: true };
  };
  return followRedirects({ signal, ...request }, send, options);
}
