/**
 * The header fields of a message. Since the revision 2026-07-28 they include a request's version, method
 * and name, so that proxies can route it without reading its body. A host on stdio does not send them,
 * since stdio has no header fields.
 */
import type { Field } from '../http/next-hop.ts';
import { type Message, ownRevision, requestsOf } from './message.ts';

export interface SessionFields {
  readonly sessionId: string | undefined;
  /** The revision that `initialize` has agreed on. */
  readonly revision: string | undefined;
}

export function messageFields(message: Message, session: SessionFields): Field[] {
  const fields: Field[] = [
    ['accept', 'application/json, text/event-stream'],
    ['content-type', 'application/json'],
  ];
  const [request] = message.isBatch ? [] : requestsOf(message);
  const own = request && ownRevision(request);
  if (request?.method === 'initialize') return fields;
  if (request === undefined || own === undefined) return [...fields, ...sessionFields(session)];
  fields.push(
    ['mcp-protocol-version', fieldValue(own)],
    ['mcp-method', fieldValue(request.method)],
  );
  const name = request.params[nameMembers[request.method] ?? ''];
  if (typeof name === 'string') fields.push(['mcp-name', fieldValue(name)]);
  return fields;
}

export function sessionFields({ sessionId, revision }: SessionFields): Field[] {
  return [
    ...(sessionId === undefined ? [] : [['mcp-session-id', sessionId] as const]),
    ...(revision === undefined ? [] : [['mcp-protocol-version', revision] as const]),
  ];
}

/** The parameter that contains a request's name, by method. */
const nameMembers: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/**
 * Unchanged if it is a valid field value, otherwise in base64 with the marker that the revision defines.
 */
function fieldValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text);
  if (isPlain && !/^=\?base64\?.*\?=$/.test(text)) return text;
  return `=?base64?${Buffer.from(text).toString('base64')}?=`;
}
