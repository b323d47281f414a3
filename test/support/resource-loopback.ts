/** A small server on a free loopback port that keeps what it was asked, and the real client for it. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { createProtocolFetch, type ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import { createSend } from '../../src/http/send.ts';
import type { NextStep } from '../../src/next-step.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as a form. */
  readonly form: URLSearchParams;
}

export interface Loopback {
  readonly origin: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

export type Answering = (asked: Asked, response: ServerResponse) => void | Promise<void>;

export async function listen(answer: Answering): Promise<Loopback> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', 'http://loopback');
    const one: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      form: new URLSearchParams(body),
    };
    asked.push(one);
    await answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(
  response: ServerResponse,
  document: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

export interface RealFetch {
  readonly fetch: ProtocolFetch;
  /** In the place of ten seconds. */
  timeoutMs: number;
  close(): Promise<void>;
}

/** The fetch that the program uses. */
export function realFetch(): RealFetch {
  const dispatcher = createDispatcher({});
  const fetch = createProtocolFetch(createSend(dispatcher));
  const real: RealFetch = {
    timeoutMs: 10_000,
    fetch: (url, request) => fetch(url, { timeoutMs: real.timeoutMs, ...request }),
    close: () => dispatcher.destroy(),
  };
  return real;
}

/** What `work` was rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<{
  code?: string;
  message: string;
  nextStep?: NextStep;
}> {
  try {
    await work;
  } catch (error) {
    return error as { code?: string; message: string; nextStep?: NextStep };
  }
  throw new Error('it was expected to fail');
}
