/**
 * Adds the 2026-07-28 revision to a server of the SDK that supports only the older ones: checks each
 * request's envelope, answers the methods that only that revision has, and completes the results. Requests
 * of the older revisions pass unchanged, so that one process serves both. The SDK that supports both (2.4)
 * would add 0.4 MB to the bundle, and 28 ms and 10 MiB to every process (measured).
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { isEnvelopeError, modernRevision, readEnvelope } from './envelope.ts';
import { discoverResult, type Introduction, modernResult } from './modern-result.ts';

/**
 * The key in `_meta` under which the handlers find the answers of a repeated call, because the SDK drops
 * parameters that it does not know.
 */
export const retryKey = 'cloudflare-access/retry';

/** Methods of the older revisions that the new one has kept. */
const keptMethods: readonly string[] = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
];
const methodNotFound = -32601;
const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

export function withModernRevision(inner: Transport, introduction: Introduction): Transport {
  /**
   * Open requests of this revision, by the id under which the SDK's server knows them. They are renamed
   * because the SDK cannot cancel a request with the id 0, which its own client uses for the first one.
   */
  const asked = new Map<string, { readonly id: RequestId; readonly method: string }>();

  const answer = (id: RequestId, outcome: object): void => {
    inner
      .send({ jsonrpc: '2.0', id, ...outcome } as JSONRPCMessage)
      .catch((error) => outer.onerror?.(error));
  };

  const receive = (request: JSONRPCRequest): JSONRPCRequest | undefined => {
    const { id, method, params } = request;
    const envelope = readEnvelope(method, params);
    if (envelope === undefined) return request;
    if (isEnvelopeError(envelope)) answer(id, { error: envelope });
    else if (method === 'server/discover') {
      const result = { ...discoverResult(introduction) };
      answer(id, { result: modernResult(method, result, introduction) });
    } else if (method === 'subscriptions/listen') {
      // Nothing here changes while the process runs, so there is nothing to notify about.
      const granted = { notifications: {}, _meta: { [subscriptionKey]: id } };
      const notification = 'notifications/subscriptions/acknowledged';
      inner
        .send({ jsonrpc: '2.0', method: notification, params: granted })
        .catch((error) => outer.onerror?.(error));
    } else if (!keptMethods.includes(method)) {
      answer(id, { error: { code: methodNotFound, message: 'Method not found' } });
    } else {
      const inside = insideId(id);
      asked.set(inside, { id, method });
      const { inputResponses, requestState, _meta, ...rest } = params ?? {};
      const retry = { inputResponses, requestState };
      return {
        ...request,
        id: inside,
        params: { ...rest, _meta: { ..._meta, [retryKey]: retry } },
      };
    }
    return undefined;
  };

  const complete = (message: JSONRPCMessage): JSONRPCMessage => {
    if (!('id' in message) || 'method' in message) return message;
    const request = asked.get(String(message.id));
    if (request === undefined) return message;
    asked.delete(String(message.id));
    const { id, method } = request;
    if (!('result' in message)) return { ...message, id };
    const { content, ...rest } = message.result;
    // The SDK adds `content` to every tool result, but `input_required` has none.
    const given = rest.resultType === 'input_required' ? rest : message.result;
    const result = modernResult(method, given, introduction);
    return { ...message, id, result: result as typeof message.result };
  };

  const cancelling = (message: JSONRPCNotification): JSONRPCNotification => {
    const { method, params } = message;
    if (method !== 'notifications/cancelled') return message;
    const requestId = insideId(params?.requestId);
    // A cancelled request gets no answer.
    return asked.delete(requestId) ? { ...message, params: { ...params, requestId } } : message;
  };

  const outer: Transport = {
    async start() {
      inner.onclose = () => outer.onclose?.();
      inner.onerror = (error) => outer.onerror?.(error);
      inner.onmessage = (message, extra) => {
        if (!('method' in message)) outer.onmessage?.(message, extra);
        else if ('id' in message) {
          const passed = receive(message);
          if (passed) outer.onmessage?.(passed, extra);
        } else outer.onmessage?.(cancelling(message), extra);
      };
      await inner.start();
    },
    send: (message, options) => inner.send(complete(message), options),
    close: () => inner.close(),
  };
  return outer;
}

/** An id that no request of an older revision has. */
function insideId(id: unknown): string {
  return `${modernRevision} ${JSON.stringify(id)}`;
}
