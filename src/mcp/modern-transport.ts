/**
 * The 2026-07-28 revision over a server of the SDK that knows the older ones alone: checks each
 * request's envelope, answers what only that revision asks, and completes the results. Requests of
 * the older revisions pass as they are, so that one process serves both. The SDK that knows both
 * (2.4) in its place was measured to cost 0.4 MB in the bundle, 28 ms and 10 MiB for every host.
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

/** Where the handlers find what a repeated call brings along: the SDK drops parameters it does not know. */
export const retryKey = 'cloudflare-access/retry';

/** What the revision kept of the older ones. */
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
   * The requests of this revision that the server has under way, by the id that it knows them by: the
   * SDK cancels none that is called 0, which is what its own client calls the first.
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
      // Nothing here changes while the process lives: there is no news to subscribe to.
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
    // The SDK gives every result of a tool content; a call that is to be repeated has none yet.
    const given = rest.resultType === 'input_required' ? rest : message.result;
    const result = modernResult(method, given, introduction);
    return { ...message, id, result: result as typeof message.result };
  };

  const cancelling = (message: JSONRPCNotification): JSONRPCNotification => {
    const { method, params } = message;
    if (method !== 'notifications/cancelled') return message;
    const requestId = insideId(params?.requestId);
    // A cancelled request is not answered any more.
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

/** None that a request of an older revision has. */
function insideId(id: unknown): string {
  return `${modernRevision} ${JSON.stringify(id)}`;
}
