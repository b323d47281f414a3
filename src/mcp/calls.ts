/**
 * Answers `tools/call` before it reaches the SDK's server, which reads each message against eight schemas
 * and hands it on through twenty promises: more than a third of what it takes for a short call. All other
 * messages pass unchanged.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolRequest,
  CallToolRequestParamsSchema,
  type CallToolResult,
  ErrorCode,
  type JSONRPCRequest,
  McpError,
  type RequestId,
  type ServerNotification,
} from '@modelcontextprotocol/sdk/types.js';
import { type Abortable, Ending } from '../abortable.ts';

export interface Call {
  readonly params: CallToolRequest['params'];
  /** Aborts when the host cancels the call, and when the connection is closed. */
  readonly signal: Abortable;
  /** Sends nothing any more once `signal` has aborted. */
  notify(notification: ServerNotification): void;
}

/** Whatever it throws is answered as a JSON-RPC error, with the words of an `McpError`. */
export type AnswerCall = (call: Call) => Promise<CallToolResult>;

/** `inner`: gives only messages that are JSON-RPC's, as the SDK's transports do. */
export function withCalls(inner: Transport, answerCall: AnswerCall): Transport {
  /** Two of the same id are a host's fault; both are answered, and both end. */
  const running = new Set<{ readonly id: RequestId; readonly signal: Ending }>();
  const fail = (error: Error) => outer.onerror?.(error);

  const answer = async ({ id, params: unchecked }: JSONRPCRequest): Promise<void> => {
    const signal = new Ending();
    const call = { id, signal };
    running.add(call);
    const notify = (notification: ServerNotification) => {
      if (!signal.aborted) inner.send({ jsonrpc: '2.0', ...notification }).catch(fail);
    };
    let outcome: { result: CallToolResult } | { error: { code: number; message: string } };
    try {
      const { success, data: params } = CallToolRequestParamsSchema.safeParse(unchecked);
      if (!success)
        throw new McpError(ErrorCode.InvalidParams, 'tools/call takes a name and arguments');
      outcome = { result: await answerCall({ params, signal, notify }) };
    } catch (error) {
      const { code, message } =
        error instanceof McpError
          ? error
          : { code: ErrorCode.InternalError, message: 'Internal error' };
      outcome = { error: { code, message } };
    }
    running.delete(call);
    // A cancelled request gets no answer.
    if (!signal.aborted) await inner.send({ jsonrpc: '2.0', id, ...outcome });
  };

  /** False when it is about a request that is not a running call. */
  const cancels = (params: JSONRPCRequest['params']): boolean => {
    const cancelled = [...running].filter(({ id }) => id === params?.requestId);
    for (const { signal } of cancelled) signal.abort(params?.reason);
    return cancelled.length > 0;
  };

  const outer: Transport = {
    async start() {
      inner.onclose = () => {
        for (const { signal } of running) signal.abort();
        outer.onclose?.();
      };
      inner.onerror = fail;
      inner.onmessage = (message, extra) => {
        const { method, params } = 'method' in message ? message : {};
        if (method === 'tools/call' && 'id' in message)
          answer(message as JSONRPCRequest).catch(fail);
        else if (method === 'notifications/cancelled' && cancels(params)) return;
        else outer.onmessage?.(message, extra);
      };
      await inner.start();
    },
    send: (message, options) => inner.send(message, options),
    close: () => inner.close(),
  };
  return outer;
}
