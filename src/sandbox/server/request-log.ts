/** The requests to the sandbox, in order, so that tests and the demo can check protocol facts. */
import type { ApplicationName } from '../catalogue.ts';

export interface RecordedRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly host: 'team' | 'transfer' | 'replay' | ApplicationName;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Lower-case names; an array where a field was repeated. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The first 64 KiB, as UTF-8. */
  readonly body: string;
  /** The status, once the answer's head was sent. */
  answered?: number;
  /** A short label: `challenge`, `token:refresh_token`, `origin`, … */
  what: string;
  /** Such as `refresh_token_reuse` or `code_reuse`. */
  note?: string;
}

const kept = 10_000;

export class RequestLog {
  readonly requests: RecordedRequest[] = [];

  add(request: RecordedRequest): void {
    this.requests.push(request);
    if (this.requests.length > kept) this.requests.shift();
  }

  clear(): void {
    this.requests.length = 0;
  }
}
