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
  const running = new Map<RequestId, Ending>();
  const fail = (error: Error) => outer.onerror?.(error);

  const answer = async ({ id, params: unchecked }: JSONRPCRequest): Promise<void> => {
    const signal = new Ending();
    running.set(id, signal);
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
    if (running.get(id) === signal) running.delete(id);
    // A cancelled request gets no answer.
    if (!signal.aborted) await inner.send({ jsonrpc: '2.0', id, ...outcome });
  };

  /** False when it is about a request that is not a running call. */
  const cancels = (params: JSONRPCRequest['params']): boolean => {
    const call = running.get(params?.requestId as RequestId);
    call?.abort(params?.reason);
    return call !== undefined;
  };

  const outer: Transport = {
    async start() {
      inner.onclose = () => {
        for (const call of running.values()) call.abort();
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
