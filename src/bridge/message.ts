/**
 * A JSON-RPC message between a host and a remote MCP server. Its text is passed on unchanged. Only the
 * content that decides how to send it is read: which request it answers or makes, and in which revision.
 */

export type Id = string | number;

export interface Request {
  readonly kind: 'request';
  readonly id: Id;
  readonly method: string;
  readonly params: Json;
}

export interface Notification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: Json;
}

export interface Answer {
  readonly kind: 'answer';
  /** `null` if the sender could not read the id of the request. */
  readonly id: Id | null;
  /** Empty for an error. */
  readonly result: Json;
}

export type Part = Request | Notification | Answer;
type Json = Readonly<Record<string, unknown>>;

export interface Message {
  readonly text: string;
  /** More than one in a batch (JSON-RPC 2.0 §6, only in MCP's revision 2025-03-26). */
  readonly parts: readonly Part[];
  readonly isBatch: boolean;
}

/** `undefined` if it is not a JSON-RPC message. */
export function readMessage(given: string): Message | undefined {
  const content = parse(given);
  const isBatch = Array.isArray(content);
  const all: unknown[] = isBatch ? content : [content];
  const parts = all.map(readPart);
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  return { text: given.trim(), parts: parts as Part[], isBatch };
}

/** The messages of a batch as separate messages. */
export function partsOf(message: Message): Message[] {
  if (!message.isBatch) return [message];
  const each = parse(message.text) as unknown[];
  return each.flatMap((one) => readMessage(JSON.stringify(one)) ?? []);
}

export function requestsOf({ parts }: Message): Request[] {
  return parts.filter((part) => part.kind === 'request');
}

/** Distinguishes 1 and "1", which are different ids. */
export function keyOf(id: unknown): string {
  return JSON.stringify(id) ?? '';
}

const versionKey = 'io.modelcontextprotocol/protocolVersion';

/** The protocol revision that a request names, as requests do since 2026-07-28. */
export function ownRevision({ params }: Request): string | undefined {
  const version = isObject(params._meta) ? params._meta[versionKey] : undefined;
  return typeof version === 'string' ? version : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readPart(value: unknown): Part | undefined {
  if (!isObject(value) || value.jsonrpc !== '2.0') return undefined;
  const { id, method, result, error } = value;
  const params = isObject(value.params) ? value.params : {};
  if (typeof method === 'string') {
    if (isId(id)) return { kind: 'request', id, method, params };
    return 'id' in value ? undefined : { kind: 'notification', method, params };
  }
  if (!isObject(result) && !isObject(error)) return undefined;
  const answered = { kind: 'answer', result: isObject(result) ? result : {} } as const;
  if (isId(id)) return { ...answered, id };
  return isObject(error) && (id === null || id === undefined)
    ? { ...answered, id: null }
    : undefined;
}

function isId(value: unknown): value is Id {
  return typeof value === 'string' || typeof value === 'number';
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
