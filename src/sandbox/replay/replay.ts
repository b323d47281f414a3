/**
 * Serves a recording of a real Access (or of this sandbox) on loopback. Each recorded host gets a port,
 * and a request that was recorded gets its recorded answer. There is no answer to any other request.
 */
import type { Answer, Plan } from '../server/answer.ts';
import { text } from '../server/answer.ts';
import type { FaultHook } from '../server/fault.ts';
import { LoopbackServer } from '../server/loopback-server.ts';
import type { Received } from '../server/received.ts';
import { type RecordedRequest, RequestLog } from '../server/request-log.ts';
import type { Exchange, RecordedAnswer, Recording } from './recording-file.ts';
import { createValues, type Values } from './values.ts';

export interface Replay {
  /** The recorded URL at its new origin. */
  readonly url: URL;
  /** The origins, by the placeholders of the recorded hosts; the first is that of `url`. */
  readonly hosts: ReadonlyMap<string, URL>;
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

export interface ReplayOptions {
  /** The port for the host of `url`; 0 means any free one. */
  readonly port?: number;
  readonly fault?: FaultHook | undefined;
}

/** Rejects with the system's error (EADDRINUSE) if the port is in use. */
export async function startReplay(
  recording: Recording,
  { port = 0, fault }: ReplayOptions = {},
): Promise<Replay> {
  const names = [recording.url, ...recording.exchanges.map(({ url }) => url)].map(hostOf);
  const servers = new Map<string, LoopbackServer>();
  const close = async () => {
    await Promise.all([...servers.values()].map((one) => one.close()));
  };
  try {
    for (const name of names) {
      if (servers.has(name)) continue;
      servers.set(name, await LoopbackServer.listen(servers.size === 0 ? port : 0));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const hosts = new Map([...servers].map(([name, { origin }]) => [name, origin]));
  const values = createValues(
    recording,
    new Map([...hosts].map(([name, { host }]) => [name, host])),
  );
  const log = new RequestLog();
  for (const [name, server] of servers) {
    const exchanges = recording.exchanges.filter(({ url }) => hostOf(url) === name);
    server.serve({
      host: 'replay',
      log,
      latencyMs: 0,
      fault,
      asRecorded: true,
      handle: (request) => planFor(exchanges, values, request),
    });
  }
  const url = new URL(values.text(recording.url));
  return { url, hosts, requests: log.requests, close };
}

function hostOf(url: string): string {
  return /^https:\/\/\{(host-\d+)\}/.exec(url)?.[1] ?? 'host-0';
}

function planFor(exchanges: readonly Exchange[], values: Values, request: Received): Plan {
  const asked = request.url.pathname + request.url.search;
  const method = request.method;
  const sameTarget = exchanges.filter((each) => {
    const { pathname, search } = new URL(values.text(each.url));
    return pathname + search === asked;
  });
  const variant = variantOf(Object.entries(request.headers));
  const of = (wanted: string) => sameTarget.filter((each) => each.method === wanted);
  // A HEAD request that was not recorded is answered like GET, without the body.
  const candidates = [...of(method), ...(method === 'HEAD' ? of('GET') : [])];
  const found =
    candidates.find(({ fields }) => variantOf(fields) === variant) ??
    candidates.find(({ fields }) => variantOf(fields) === '');
  if (found === undefined) {
    const work = () => text(501, 'The recording does not contain this request.');
    return { what: 'not_recorded', work };
  }
  return { what: 'recorded', work: () => answerOf(found.answer, values) };
}

/** The header fields by which requests to the same URL are distinguished. */
function variantOf(fields: readonly (readonly [string, string | string[]])[]): string {
  const all = new Map(fields.map(([name, value]) => [name, String(value)]));
  const accept = all.get('accept') ?? '';
  const agent = all.get('user-agent') ?? '';
  return [
    all.has('cf-access-metadata-request') ? 'metadata' : '',
    all.has('x-requested-with') ? 'script' : '',
    /^Mozilla\//.test(agent) && accept.includes('text/html') ? 'browser' : '',
    accept === 'application/json' ? 'json' : '',
    ['authorization', 'cf-access-token', 'cf-access-client-id'].some((name) => all.has(name))
      ? 'credential'
      : '',
  ].join('');
}

function answerOf(recorded: RecordedAnswer | undefined, values: Values): Answer {
  // There was no answer: as if the host were unavailable.
  if (recorded === undefined) return text(503, 'The recording contains no answer to this request.');
  const headers: Record<string, string[]> = {};
  const date = recorded.fields.find(([name]) => name === 'date')?.[1] ?? '';
  const ahead = Number(/^\{now([+-]\d{1,10})\}$/.exec(date)?.[1] ?? 0);
  values.countFrom(ahead);
  for (const [name, template] of recorded.fields) {
    // Date is relative to the recorder’s clock, and everything else to Date.
    const wanted = name === 'date' ? '{now}' : withSeconds(template);
    const value = values.text(wanted).replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
    headers[name] = [...(headers[name] ?? []), value];
  }
  for (const [kind, prefix] of Object.entries(otherFields)) {
    const count = recorded.others[kind as keyof typeof otherFields];
    for (let at = 1; at <= count; at += 1) headers[`${prefix}${at}`] = ['-'];
  }
  const { body } = recorded;
  return {
    status: recorded.status,
    headers,
    body:
      body === undefined
        ? ''
        : 'json' in body
          ? JSON.stringify(values.document(body.json))
          : values.text(body.text),
  };
}

const otherFields = {
  'cf-access': 'cf-access-other-',
  cf: 'cf-other-',
  any: 'x-other-',
} as const;

/** A cookie's lifetime is a number, not an instant. */
function withSeconds(template: string): string {
  return template.replace(
    /Max-Age=\{now([+-]\d{1,10})?\}/g,
    (_, offset = '0') => `Max-Age=${Number(offset)}`,
  );
}
