/**
 * The request that follows from a redirect (RFC 9110 §15.4): what is sent on to another origin, and what
 * is refused. Sends nothing.
 */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { NextStep } from '../next-step.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { isLoopback, resolveReference } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import type { CookieStore } from './cookies/cookie-store.ts';
import type { RepeatableBody } from './request-body.ts';
import { fieldText } from './response-headers.ts';
import type { Wire } from './wire.ts';

export type Field = readonly [name: string, value: string];

export interface HopRequest {
  readonly method: string;
  readonly url: URL;
  /** The agent's own fields, as `checkAgentHeaders` returned them, without any credential of ours. */
  readonly headers: readonly Field[];
  readonly body?: RepeatableBody;
  readonly signal?: Abortable;
  /** Only for the relay: the request as it must appear on the wire. */
  readonly wire?: Wire;
  /** The URL whose redirect led here. */
  readonly redirectedFrom?: URL;
  /** Attached together with the credential, since which cookies are sent depends on whose it is. */
  readonly cookies?: Pick<CookieStore, 'attach'> | undefined;
}

/** Safe methods (RFC 9110 §9.2.1): the only ones that may be redirected to another origin. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** `method` in upper case. */
export function isSafeMethod(method: string): boolean {
  return safeMethods.includes(method);
}

/**
 * The agent's fields that may be sent to another origin. All others are dropped: any field can hold a key
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

/** Fields that describe a body and are dropped together with it (RFC 9110 §15.4, note 1). */
const contentField = /^(?:content-|digest$|repr-digest$|last-modified$)/;

/** Whether a status redirects to the Location field (RFC 9110 §15.4). */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Throws `redirect_refused`. */
export function nextHop(
  hop: HopRequest,
  status: number,
  location: string,
  concealer: Concealer,
): HopRequest {
  const from = hop.url;
  const url = target(from, location);
  // RFC 9110 §15.4.2-4: 303 changes the method to GET; 301 and 302 do so for POST, as in all clients.
  const toGet =
    (status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  const method = toGet ? 'GET' : hop.method;
  const crosses = url.origin !== from.origin;
  const keepsBody = hop.body !== undefined && !toGet;
  if (crosses && (keepsBody || !isSafeMethod(method))) {
    // Even without a body: with the other origin's credential attached, the redirecting server would
    // decide what is changed or deleted there.
    throw redirectRefused(
      from,
      `its ${status} would send ${method}${keepsBody ? ' with the body' : ''} to another origin, ${url.host}`,
      [
        {
          when: 'wanted',
          do: 'correct_input',
          with: `${method} and the URL ${quoteServerText(concealer.text(url.href))}`,
        },
      ],
    );
  }
  const headers = hop.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (toGet && contentField.test(lower)) return false;
    return !crosses || crossing.includes(lower);
  });
  return {
    method,
    url,
    headers,
    ...(hop.body && !toGet ? { body: hop.body } : {}),
    ...(hop.signal ? { signal: hop.signal } : {}),
    redirectedFrom: from,
    cookies: hop.cookies,
  };
}

/**
 * Names of the fields that were dropped because the redirect crosses origins, not of those dropped
 * together with the body.
 */
export function leftAtBorder(hop: HopRequest, next: HopRequest): string[] {
  if (next.url.origin === hop.url.origin) return [];
  const withoutBody = hop.body !== undefined && next.body === undefined;
  return hop.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => !(withoutBody && contentField.test(name)))
    .filter((name) => !next.headers.some(([kept]) => kept.toLowerCase() === name));
}

function target(from: URL, location: string): URL {
  // RFC 9110 §10.2.2: a reference relative to the request's URL. Some servers send it as raw UTF-8.
  const url = resolveReference(fieldText(location), from);
  if (!url)
    throw redirectRefused(from, 'its Location is not a URL', [
      { do: 'ask_operator', host: from.host, to: 'fix that redirect' },
    ]);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw redirectRefused(
      from,
      `it redirects to ${quoteServerText(url.protocol)}, which is neither https nor http`,
      [{ do: 'open_yourself', what: 'link' }],
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw redirectRefused(from, 'its Location holds a user name or password', [
      { do: 'correct_input', with: 'the URL that is meant, without user name and password' },
    ]);
  }
  if (
    url.protocol === 'http:' &&
    !(from.protocol === 'http:' && (isLoopback(url) || url.origin === from.origin))
  ) {
    throw redirectRefused(from, `it redirects to ${url.host} without TLS`, [
      { do: 'correct_input', with: 'the https URL of that page, if there is one' },
    ]);
  }
  if (url.hash === '') url.hash = from.hash;
  return url;
}

export function redirectRefused(from: URL, why: string, nextStep: NextStep): AccessError {
  return new AccessError(
    'redirect_refused',
    `A redirect from ${from.host} was not followed: ${why}.`,
    nextStep,
  );
}
