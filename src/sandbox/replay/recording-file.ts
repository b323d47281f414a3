/**
 * Reads a file that `doctor --record` has written, in format 1. It may come from anybody, so it is
 * accepted only if it is entirely valid.
 */
export interface Recording {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  readonly tokens: Readonly<Record<string, RecordedToken>>;
}

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly Field[];
  /** Absent if the connection failed. */
  readonly answer: RecordedAnswer | undefined;
}

export type Field = readonly [name: string, value: string];

export interface RecordedAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly others: { readonly 'cf-access': number; readonly cf: number; readonly any: number };
  readonly body: { readonly json: unknown } | { readonly text: string } | undefined;
}

export interface RecordedToken {
  readonly header: unknown;
  readonly claims: unknown;
  readonly isSigned: boolean;
}

/** The file is not a recording: `message` says why, without quoting it. */
export class NoRecording extends Error {}

const format = 'cloudflare-access-mcp recording 1';
const mostExchanges = 200;

export function readRecording(content: string): Recording {
  let all: unknown;
  try {
    all = JSON.parse(content);
  } catch {
    throw new NoRecording('It is not JSON.');
  }
  const { format: given, url, exchanges, tokens } = object(all, 'The file');
  if (given !== format) throw new NoRecording(`Its format is not “${format}”.`);
  const read = list(exchanges, 'exchanges').map(exchange);
  if (read.length === 0 || read.length > mostExchanges) {
    throw new NoRecording(`It does not contain 1 to ${mostExchanges} exchanges.`);
  }
  return {
    url: string(url, 'url'),
    exchanges: read,
    tokens: Object.fromEntries(
      Object.entries(object(tokens, 'tokens')).map(([name, each]) => [name, token(each)]),
    ),
  };
}

function exchange(given: unknown): Exchange {
  const { request, answer } = object(given, 'an exchange');
  const { method, url, fields } = object(request, 'a request');
  return {
    method: string(method, 'a method'),
    url: string(url, 'a URL'),
    fields: readFields(fields),
    answer: answer === undefined ? undefined : readAnswer(answer),
  };
}

function readAnswer(given: unknown): RecordedAnswer {
  const { status, fields, other_fields: others, body } = object(given, 'an answer');
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw new NoRecording('A status is invalid.');
  }
  const counts = object(others, 'other_fields');
  const count = (name: string): number => {
    const value = counts[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 200) {
      throw new NoRecording('A count of other fields is invalid.');
    }
    return value;
  };
  return {
    status,
    fields: readFields(fields),
    others: { 'cf-access': count('cf-access'), cf: count('cf'), any: count('any') },
    body: body === null ? undefined : readBody(object(body, 'a body')),
  };
}

function readBody(body: Record<string, unknown>): RecordedAnswer['body'] {
  if ('json' in body) return { json: body.json };
  return { text: string(body.html ?? body.text, 'a body') };
}

function readFields(given: unknown): Field[] {
  return list(given, 'fields').map((each) => {
    // Node validates names; a value is validated when its placeholders are filled in.
    const [, name, value] = /^([a-z\d-]+): ?([\s\S]*)$/.exec(string(each, 'a field')) ?? [];
    if (name === undefined || value === undefined)
      throw new NoRecording('A header field is invalid.');
    return [name, value];
  });
}

function token(given: unknown): RecordedToken {
  const { header, claims, signature } = object(given, 'a token');
  return { header, claims, isSigned: signature === 'holds' };
}

function object(given: unknown, what: string): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new NoRecording(`${what} is not an object.`);
  }
  return given as Record<string, unknown>;
}

function list(given: unknown, what: string): unknown[] {
  if (!Array.isArray(given)) throw new NoRecording(`${what}: not a list.`);
  return given;
}

function string(given: unknown, what: string): string {
  if (typeof given !== 'string' || given.length > 200_000)
    throw new NoRecording(`${what}: not a string.`);
  return given;
}
