/**
 * The request that a redirect asks for (RFC 9110 §15.4): what crosses to another origin, and what is
 * refused. Asks nobody.
 */
import { AccessError } from '../errors.ts';
import type { NextStep } from '../next-step.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { isLoopback, resolveReference } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import type { CookieStore } from './cookies.ts';
import type { RepeatableBody } from './request-body.ts';
import { fieldText } from './response-headers.ts';
import type { Wire } from './wire.ts';

export type Field = readonly [name: string, value: string];

export interface HopRequest {
  readonly method: string;
  readonly url: URL;
  /** The agent's own fields, as `checkAgentHeaders` gave them; no credential of ours among them. */
  readonly headers: readonly Field[];
  readonly body?: RepeatableBody;
  readonly signal?: AbortSignal;
  /** For a relay alone: the request as it is to stand on the wire. */
  readonly wire?: Wire;
  /** Where the redirect came from that led here. */
  readonly redirectedFrom?: URL;
  /** Attached by whoever attaches the credential, since whose they are depends on it. */
  readonly cookies?: Pick<CookieStore, 'attach'>;
}

/** Methods that ask for no change (RFC 9110 §9.2.1): the only ones that may cross origins. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** `method` in upper case. */
export function isSafeMethod(method: string): boolean {
  return safeMethods.includes(method);
}

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

/** Statuses that send a request on to their Location (RFC 9110 §15.4). */
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
  // RFC 9110 §15.4.2-4: 303 asks for a GET; 301 and 302 turn a POST into one, as all clients do.
  const toGet =
    (status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  const method = toGet ? 'GET' : hop.method;
  const crosses = url.origin !== from.origin;
  const keepsBody = hop.body !== undefined && !toGet;
  if (crosses && (keepsBody || !isSafeMethod(method))) {
    // Not only for a body: with the other origin's credential attached, whoever redirects would decide
    // what is changed or deleted there.
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
  };
}

/** Names of fields. What went only because its body went is nobody's loss, and no origin's border. */
export function leftAtBorder(hop: HopRequest, next: HopRequest): string[] {
  if (next.url.origin === hop.url.origin) return [];
  const withoutBody = hop.body !== undefined && next.body === undefined;
  return hop.headers
    .map(([name]) => name.toLowerCase())
    .filter((name) => !(withoutBody && contentField.test(name)))
    .filter((name) => !next.headers.some(([kept]) => kept.toLowerCase() === name));
}

function target(from: URL, location: string): URL {
  // RFC 9110 §10.2.2: a reference relative to the request's URL; some servers send it as raw UTF-8.
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
