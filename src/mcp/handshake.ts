/**
 * Answers every host's first requests, `initialize` or `server/discover` and the lists, without the SDK:
 * with the answers of the SDK's own server, recorded when this package was built (handshake.json). Hosts
 * start several servers, often in pairs, and use few of them. Loading the SDK and zod would triple the
 * startup time, so it is left to the first message that needs them.
 */

import { isEnvelopeError, isObject, readEnvelope } from './envelope.ts';
import { discoverResult, type Introduction, modernResult } from './modern-result.ts';

/** What the build recorded. */
export interface Handshake {
  readonly protocolVersions: readonly string[];
  /** The result for a version that is not in `protocolVersions`. */
  readonly initialize: Introduction & { readonly protocolVersion: string };
  /** Results by method: `tools/list` and others that never change. */
  readonly lists: Readonly<Record<string, object>>;
  /** Those that differ when the server is read-only. */
  readonly readOnlyLists: Readonly<Record<string, object>>;
}

export interface EarlyAnswer {
  readonly jsonrpc: '2.0';
  readonly id: string | number;
  readonly result: object;
}

/**
 * The answer to one line from the host; `later` for a message without an answer that the SDK must receive
 * once it is loaded; `undefined` when only the SDK can handle the message.
 */
export function answerEarly(line: string, handshake: Handshake): EarlyAnswer | 'later' | undefined {
  const message = parse(line);
  if (message?.jsonrpc !== '2.0') return undefined;
  const { id, method, params } = message;
  if (id === undefined) return method === 'notifications/initialized' ? 'later' : undefined;
  if (typeof id !== 'string' && typeof id !== 'number') return undefined;
  if (typeof method !== 'string') return undefined;
  const envelope = readEnvelope(method, params);
  if (envelope !== undefined) {
    if (isEnvelopeError(envelope) || params?.cursor !== undefined) return undefined;
    const result = modernAnswer(method, handshake);
    return result && { jsonrpc: '2.0', id, result };
  }
  if (Object.hasOwn(handshake.lists, method) && params?.cursor === undefined) {
    return { jsonrpc: '2.0', id, result: handshake.lists[method] ?? {} };
  }
  if (method !== 'initialize' || !isInitialize(params)) return undefined;
  const { initialize, protocolVersions } = handshake;
  const asked = params.protocolVersion;
  const protocolVersion = protocolVersions.includes(asked) ? asked : initialize.protocolVersion;
  return { jsonrpc: '2.0', id, result: { ...initialize, protocolVersion } };
}

function modernAnswer(method: string, { initialize, lists }: Handshake): object | undefined {
  if (method === 'server/discover') {
    return modernResult(method, { ...discoverResult(initialize) }, initialize);
  }
  // The SDK refuses methods that the newer revision dropped.
  if (method === 'ping' || !Object.hasOwn(lists, method)) return undefined;
  return modernResult(method, { ...lists[method] }, initialize);
}

interface Message {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: Readonly<Record<string, unknown>>;
}

function parse(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    if (!isObject(message)) return undefined;
    return message.params === undefined || isObject(message.params) ? message : undefined;
  } catch {
    return undefined;
  }
}

function isInitialize(params: Message['params']): params is { protocolVersion: string } {
  if (params === undefined || !isObject(params.capabilities)) return false;
  const { clientInfo, protocolVersion } = params;
  return (
    typeof protocolVersion === 'string' &&
    isObject(clientInfo) &&
    typeof clientInfo.name === 'string' &&
    typeof clientInfo.version === 'string'
  );
}
