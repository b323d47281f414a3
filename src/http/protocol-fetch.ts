/**
 * The fetch that discovery, registration and token requests use: it follows no redirect, accepts at most 1
 * MiB after decoding, received completely within 10 s, and returns a `Response`.
 */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { readBody } from './body.ts';
import type { Send } from './send.ts';
import { bounds } from './waiting/bounds.ts';
import { within } from './waiting/within.ts';

export interface ProtocolRequest {
  readonly method?: string;
  readonly headers?: Headers | Record<string, string>;
  readonly body?: string | URLSearchParams | null | undefined;
  readonly signal?: Abortable | undefined;
  /** For the whole exchange, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface ProtocolFetch {
  /** Throws what `Send` throws, and `response_too_large`. Any status is an answer. */
  (url: string | URL, request?: ProtocolRequest): Promise<Response>;
  /** Called with what was corrected in an answer of `host`. */
  readonly took?: TookFrom;
}

export type TookFrom = (host: string, what: string) => void;

/** The same for the answers of one host. */
export function tookOf({ took }: ProtocolFetch, { host }: URL): (what: string) => void {
  return (what) => took?.(host, what);
}

/** The same fetch for one caller, whose requests end when `signal` aborts. */
export function fetchUntil(fetch: ProtocolFetch, signal: Abortable | undefined): ProtocolFetch {
  if (signal === undefined) return fetch;
  const ending: ProtocolFetch = (url, request) => fetch(url, { ...request, signal });
  return fetch.took ? Object.assign(ending, { took: fetch.took }) : ending;
}

const maxBytes = 1024 * 1024;

export function createProtocolFetch(send: Send, took: TookFrom = () => {}): ProtocolFetch {
  const fetch: ProtocolFetch = async (
    input,
    { method = 'GET', headers = {}, body, signal, timeoutMs } = {},
  ) => {
    const url = new URL(input);
    const until = within(timeoutMs ?? bounds.protocolAnswer, signal);
    const exchange = async () => {
      const answer = await send({
        method,
        url,
        headers: Symbol.iterator in headers ? [...headers] : Object.entries(headers),
        ...(body ? { body: body.toString() } : {}),
        signal: until.deadline,
      });
      return { answer, ...(await readBody(answer, { maxBytes, signal: until.deadline })) };
    };
    const { answer, bytes, complete } = await exchange().finally(() => until.release());
    if (!complete) {
      throw new AccessError(
        'response_too_large',
        `The answer from ${url.host} to a protocol request is larger than 1 MiB.`,
        [{ do: 'check', whether: 'the host is the right one' }],
      );
    }
    // An invalid one is read as a server's error (RFC 9110 §15); `Response` takes none.
    const status = answer.status > 599 ? 500 : answer.status;
    const noBody = method === 'HEAD' || status === 204 || status === 205 || status === 304;
    return new Response(noBody ? null : bytes, {
      status,
      headers: [...answer.headers],
    });
  };
  return Object.assign(fetch, { took });
}
