/**
 * Redirects by hand (RFC 9110 §15.4): one hop at a time, so that each request carries the credential
 * of its own resource, attached by the `SendHop` that is handed in, and nothing of another's.
 */
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import type { CookieStore } from './cookies.ts';
import type { CredentialKind } from './credential.ts';
import { abortFailure } from './failures.ts';
import { discard } from './peek.ts';
import type { RepeatableBody } from './request-body.ts';
import { fieldText } from './response-headers.ts';
import type { Incoming } from './send.ts';

export type Field = readonly [name: string, value: string];

export interface HopRequest {
  readonly method: string;
  readonly url: URL;
  /** The agent's own fields, as `checkAgentHeaders` gave them; no credential of ours among them. */
  readonly headers: readonly Field[];
  readonly body?: RepeatableBody;
  readonly signal?: AbortSignal;
}

export interface HopAnswer extends Incoming {
  /** What the request that got this answer carried. */
  readonly auth: CredentialKind;
  /** The parts of that credential that must never be shown. */
  readonly secrets: readonly string[];
  /** True when the answer is to be given as it stands, though it may be a redirect. */
  readonly final?: boolean;
}

export type SendHop = (request: HopRequest) => Promise<HopAnswer>;

export interface HopOptions {
  /** The origins' own cookies, sent and kept at every hop. */
  readonly cookies?: CookieStore;
  /** Redirects followed before giving up; 20 when absent. */
  readonly maxRedirects?: number;
  /**
   * Ends the waiting for the last hop's head. It does not end the reading of the body: hand the same
   * signal to `readBody` as `until`, and what has come by then is the result.
   */
  readonly deadline?: AbortSignal;
}

export interface HopResult {
  readonly answer: HopAnswer;
  /** The URLs that redirects led to, in order; empty when there was none. Not yet concealed. */
  readonly redirects: readonly string[];
  /** What must be cut out of everything that is shown, from all hops. */
  readonly secrets: readonly string[];
  /** Names of the agent's fields that were left behind at the border of an origin. */
  readonly droppedHeaders: readonly string[];
}

const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308];

/** Methods that ask for no change (RFC 9110 §9.2.1): the only ones that may cross origins. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The agent's fields that another origin may see. All others stay behind: any field can hold a key
 * (`x-api-key`, `private-token`, a vendor's own), and no list of those would ever be complete.
 */
const crossing: readonly string[] = [
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'if-range',
  'pragma',
  'prefer',
  'range',
  'user-agent',
  'x-requested-with',
];

/** Fields that describe a body, and go when it goes (RFC 9110 §15.4, note 1). */
const contentField = /^(?:content-|digest$|repr-digest$|last-modified$)/;

/** Throws AccessError `redirect_refused`, and what `sendHop` throws. */
export async function followRedirects(
  request: HopRequest,
  sendHop: SendHop,
  { cookies, maxRedirects = 20, deadline }: HopOptions = {},
): Promise<HopResult> {
  const waiting = waitingSignal(request.signal, deadline);
  const redirects: string[] = [];
  const secrets = new Set<string>();
  const dropped = new Set<string>();
  const seen = new Set<string>();
  let hop: HopRequest = { ...request, ...(waiting ? { signal: waiting.signal } : {}) };
  try {
    for (;;) {
      if (waiting?.signal.aborted) throw abortFailure(waiting.signal, hop.url);
      const sent = cookies ? { ...hop, headers: cookies.attach(hop.url, hop.headers) } : hop;
      refuseLoop(seen, sent);
      const answer = await sendHop(sent);
      for (const secret of answer.secrets) secrets.add(secret);
      cookies?.store(hop.url, answer.headers);
      const location = answer.headers.get('location');
      if (answer.final || location === null || !redirectStatuses.includes(answer.status)) {
        return { answer, redirects, secrets: [...secrets], droppedHeaders: [...dropped] };
      }
      discard(answer);
      if (redirects.length === maxRedirects) {
        throw refused(
          hop.url,
          `it answered with more than ${maxRedirects} redirects in a row`,
          'Call with one of the URLs on the way, or ask the person whether the application is set up right.',
        );
      }
      const next = nextHop(hop, answer.status, location);
      for (const name of leftAtBorder(hop, next)) dropped.add(name);
      redirects.push(next.url.href);
      hop = next;
    }
  } finally {
    waiting?.release();
  }
}

/** The request that a redirect asks for. Throws `redirect_refused`. */
export function nextHop(hop: HopRequest, status: number, location: string): HopRequest {
  const from = hop.url;
  const url = target(from, location);
  // RFC 9110 §15.4.2-4: 303 asks for a GET; 301 and 302 turn a POST into one, as all clients do.
  const toGet =
    (status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  const method = toGet ? 'GET' : hop.method;
  const crosses = url.origin !== from.origin;
  if (crosses && !safeMethods.includes(method)) {
    // Not only a body: with the other origin's credential attached, whoever redirects would decide
    // what is changed or deleted there.
    throw refused(
      from,
      `its ${status} would send ${method}${hop.body ? ' with the body' : ''} to another origin, ${url.host}`,
      `If that is what is wanted, call again with ${method} and the URL ${quoteServerText(url.href)}.`,
    );
  }
  const headers = hop.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (toGet && contentField.test(lower)) return false;
    return (
      !crosses ||
      crossing.includes(lower) ||
      (!toGet && hop.body !== undefined && contentField.test(lower))
    );
  });
  return {
    method,
    url,
    headers,
    ...(hop.body && !toGet ? { body: hop.body } : {}),
    ...(hop.signal ? { signal: hop.signal } : {}),
  };
}

/** What went only because its body went is nobody's loss, and no origin's border. */
function leftAtBorder(hop: HopRequest, next: HopRequest): string[] {
  if (next.url.origin === hop.url.origin) return [];
  const withoutBody = hop.body !== undefined && next.body === undefined;
  return hop.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => !(withoutBody && contentField.test(name)))
    .filter((name) => !next.headers.some(([kept]) => kept.toLowerCase() === name));
}

function target(from: URL, location: string): URL {
  // RFC 9110 §10.2.2: a reference relative to the request's URL; some servers send it as raw UTF-8.
  const url = parse(fieldText(location), from);
  if (!url)
    throw refused(
      from,
      'its Location is not a URL',
      'Tell the person that the application redirects to something that is no URL.',
    );
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused(
      from,
      `it redirects to ${quoteServerText(url.protocol)}, which is neither https nor http`,
      'Only a program of the person’s own can open such a link.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(
      from,
      'its Location holds a user name or password',
      'Call with the URL that you mean, without user name and password.',
    );
  }
  if (
    url.protocol === 'http:' &&
    !(from.protocol === 'http:' && (isLoopback(url) || url.origin === from.origin))
  ) {
    throw refused(
      from,
      `it redirects to ${url.host} without TLS`,
      'Call again with the https URL of that page, if there is one.',
    );
  }
  if (url.hash === '') url.hash = from.hash;
  return url;
}

function parse(location: string, from: URL): URL | undefined {
  try {
    return new URL(location, from);
  } catch {
    return undefined;
  }
}

/** The same request again, with the same cookies, can only get the same answer. */
function refuseLoop(seen: Set<string>, { method, url, headers }: HopRequest): void {
  const cookie = headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? '';
  const key = JSON.stringify([method, url.origin, url.pathname, url.search, cookie]);
  if (seen.has(key)) {
    throw refused(
      url,
      `its redirects go round in a loop, back to ${quoteServerText(url.pathname)}`,
      'A login or a cookie that the application expects is missing: ask the person to open the page in a browser and see what it wants.',
    );
  }
  seen.add(key);
}

function refused(from: URL, why: string, nextStep: string): AccessError {
  return new AccessError(
    'redirect_refused',
    `A redirect from ${from.host} was not followed: ${why}.`,
    nextStep,
  );
}

/** Aborts for the caller's signal always, for the deadline until it is released. */
function waitingSignal(signal?: AbortSignal, deadline?: AbortSignal) {
  if (!deadline) return undefined;
  const controller = new AbortController();
  const onDeadline = () => controller.abort(deadline.reason);
  if (deadline.aborted) onDeadline();
  else deadline.addEventListener('abort', onDeadline, { once: true });
  return {
    signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal,
    release: () => deadline.removeEventListener('abort', onDeadline),
  };
}
