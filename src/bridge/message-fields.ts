/**
 * The header fields that go with a message. Since the revision 2026-07-28 a request's version, method and
 * name stand there as well, so that whoever routes it need not read its body; a host on stdio does not
 * send them, since it has no header.
 */
import type { Field } from '../http/next-hop.ts';
import { type Message, ownRevision, requestsOf } from './message.ts';

export interface SessionFields {
  readonly sessionId: string | undefined;
  /** What `initialize` has come to. */
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

/** Which of its parameters a request is named by. */
const nameMembers: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** As it is where it is a field's value, else in base64 with a mark around it, as the revision has it. */
function fieldValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text);
  if (isPlain && !/^=\?base64\?.*\?=$/.test(text)) return text;
  return `=?base64?${Buffer.from(text).toString('base64')}?=`;
}
