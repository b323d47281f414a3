/** An answer as a value, and the few shapes that the sandbox's answers have. */
import type { Readable } from 'node:stream';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | Readable;
  /** For the request log only: something a test may want to count, such as a reused refresh token. */
  readonly note?: string;
}

/**
 * What kind of request it is, and the work that answers it. The work may change state; classifying the
 * request must not.
 */
export interface Plan {
  readonly what: string;
  readonly work: () => Answer | Promise<Answer>;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export function json(status: number, value: unknown, headers: Fields = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  };
}

export function text(status: number, body: string, headers: Fields = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

export function redirect(location: URL | string, headers: Fields = {}): Answer {
  return {
    status: 302,
    headers: { location: String(location), 'cache-control': 'no-store', ...headers },
    body: '',
  };
}

export function methodNotAllowed(allow: string): Answer {
  return text(405, 'Method not allowed', { allow });
}
