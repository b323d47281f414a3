/**
 * One of the sandbox's hosts: the same port on 127.0.0.1 and ::1. Records each request, calls the fault
 * hook, has the work done and writes the answer. Knows nothing about Access.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Plan, text } from './answer.ts';
import { carryOut, type FaultHook } from './fault.ts';
import { type Received, receive } from './received.ts';
import type { RecordedRequest, RequestLog } from './request-log.ts';

export interface Wiring {
  readonly host: RecordedRequest['host'];
  readonly log: RequestLog;
  readonly latencyMs: number;
  readonly fault: FaultHook | undefined;
  readonly handle: (request: Received) => Plan;
  /** Every field of an answer is the answer's own: nothing is added, not even a date. */
  readonly asRecorded?: true;
}

const recordedBody = 64 * 1024;

export class LoopbackServer {
  readonly port: number;
  readonly #servers: readonly Server[];

  private constructor(port: number, servers: readonly Server[]) {
    this.port = port;
    this.#servers = servers;
  }

  /** Rejects with the system's error when the port is taken. */
  static async listen(port: number): Promise<LoopbackServer> {
    for (let attempt = 1; ; attempt++) {
      const first = createServer();
      await listening(first, port, '127.0.0.1');
      const bound = (first.address() as AddressInfo).port;
      const second = createServer();
      try {
        await listening(second, bound, '::1');
        return new LoopbackServer(bound, [first, second]);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') {
          return new LoopbackServer(bound, [first]); // a machine without IPv6
        }
        first.close();
        if (port !== 0 || code !== 'EADDRINUSE' || attempt === 20) throw error;
      }
    }
  }

  get origin(): URL {
    return new URL(`http://localhost:${this.port}/`);
  }

  serve(wiring: Wiring): void {
    for (const server of this.#servers) {
      server.on('request', (request, response) => {
        answerOne(this.origin, wiring, request, response).catch(() => response.destroy());
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, ipv6Only: host === '::1' }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answerOne(
  origin: URL,
  wiring: Wiring,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const request = await receive(origin, incoming, gone.signal);
  const record: RecordedRequest = {
    at: Date.now(),
    host: wiring.host,
    method: request.method,
    url: incoming.url ?? '/',
    headers: request.headers,
    body: request.body.subarray(0, recordedBody).toString(),
    what: 'other',
  };
  wiring.log.add(record);
  const answer = await decide(origin, wiring, request, record);
  if (answer?.note !== undefined) record.note = answer.note;
  if (answer === undefined || gone.signal.aborted) {
    if (answer?.body instanceof Readable) answer.body.destroy();
    response.destroy();
    return;
  }
  record.answered = answer.status;
  await write(request.method, answer, response, wiring.asRecorded === true);
}

async function decide(
  origin: URL,
  wiring: Wiring,
  request: Received,
  record: RecordedRequest,
): Promise<Answer | undefined> {
  try {
    const plan = planFor(origin, wiring, request);
    record.what = plan.what;
    const fault = await wiring.fault?.(record);
    if (wiring.latencyMs > 0) await sleep(wiring.latencyMs);
    return await carryOut(plan, fault, request.gone);
  } catch (error) {
    if (request.gone.aborted) return undefined;
    // A defect of the sandbox or of a test's hook is reported in the answer.
    return { ...text(500, `The sandbox failed: ${String(error)}`), note: 'sandbox_failure' };
  }
}

function planFor(origin: URL, wiring: Wiring, request: Received): Plan {
  // A page elsewhere whose own name resolves to loopback must not reach the sandbox. Cloudflare, too,
  // answers only for hosts it knows.
  const host = String(request.headers.host ?? '').toLowerCase();
  const names = ['localhost', '127.0.0.1', '[::1]'].map((name) =>
    origin.port === '' ? name : `${name}:${origin.port}`,
  );
  if (!names.includes(host)) {
    return { what: 'other', work: () => text(403, 'error code: 1003') };
  }
  if (request.tooLarge) return { what: 'other', work: () => text(413, 'Payload too large') };
  return wiring.handle(request);
}

async function write(
  method: string,
  answer: Answer,
  response: ServerResponse,
  asRecorded: boolean,
): Promise<void> {
  const fields: Record<string, string | string[]> = asRecorded
    ? {}
    : { server: 'cloudflare', 'cf-ray': `${randomBytes(8).toString('hex')}-LOC` };
  response.sendDate = !asRecorded;
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    fields[name] = typeof value === 'string' ? value : [...value];
  }
  const bodyless = answer.status === 204 || answer.status === 304;
  if (answer.body instanceof Readable) {
    response.writeHead(answer.status, fields);
    if (method === 'HEAD') {
      answer.body.destroy();
      response.end();
    } else {
      // A client that leaves early ends the stream, which is not a failure.
      await pipeline(answer.body, response).catch(() => undefined);
    }
    return;
  }
  const body = Buffer.from(answer.body ?? '');
  if (!bodyless) fields['content-length'] ??= String(body.length);
  response.writeHead(answer.status, fields);
  response.end(bodyless ? undefined : body);
}
