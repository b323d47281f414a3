/**
 * Follows redirects (RFC 9110 §15.4) one hop at a time, so that each request carries only the credential
 * of its own resource, which the given `SendHop` attaches.
 */

import type { Abortable } from '../abortable.ts';
import { type Concealer, concealFailure, createConcealer } from '../secrets/concealer.ts';
import type { CredentialKind } from '../secrets/credential.ts';
import { resolveReference } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import type { CookieStore } from './cookies/cookie-store.ts';
import { abortFailure } from './failures.ts';
import { type HopRequest, isRedirect, leftAtBorder, nextHop, redirectRefused } from './next-hop.ts';
import { discard } from './peek.ts';
import { fieldText } from './response-headers.ts';
import type { Incoming } from './send.ts';
import { firstOf } from './waiting/first-of.ts';
import { untilAborted } from './waiting/within.ts';

export interface HopAnswer extends Incoming {
  /** The kind of credential that the request carried. */
  readonly auth: CredentialKind;
  /** Identifies the credential's holder; empty for none. */
  readonly identity: string;
  /** The parts of the credential that must never be shown. */
  readonly secrets: readonly string[];
  /** True when the answer is final even if it is a redirect. */
  readonly final?: boolean;
}

export interface AskedAs {
  readonly url: URL;
  readonly identity: string;
}

export type SendHop = (request: HopRequest) => Promise<HopAnswer>;

export interface HopOptions {
  /** The origins' own cookies, sent and stored at every hop. */
  readonly cookies?: CookieStore;
  /** The maximum number of redirects to follow; default 20. */
  readonly maxRedirects?: number;
  /**
   * Limits the wait for the heads of all hops, but not the reading of the last body: pass the same signal
   * to `readBody` as `until`, so that what has arrived by then is the result.
   */
  readonly deadline?: Abortable;
}

export interface HopResult {
  readonly answer: HopAnswer;
  /** The URLs that redirects led to, in order. Not yet concealed. */
  readonly redirects: readonly string[];
  /** What must be removed from everything that is shown, from all hops. */
  readonly secrets: readonly string[];
  /** The URLs that were requested, in order, and with whose credential. */
  readonly asked: readonly AskedAs[];
  /** Names of the agent's fields that were not sent on to another origin. */
  readonly droppedHeaders: readonly string[];
}

/** Throws AccessError `redirect_refused`, and what `sendHop` throws. */
export async function followRedirects(
  request: HopRequest,
  sendHop: SendHop,
  { cookies, maxRedirects = 20, deadline }: HopOptions = {},
): Promise<HopResult> {
  // The caller's signal ends the reading of the body too; the deadline applies to the heads only.
  const waiting = firstOf(request.signal, deadline);
  const redirects: string[] = [];
  const secrets = new Set<string>();
  const dropped = new Set<string>();
  const seen = new Set<string>();
  const asked: AskedAs[] = [];
  let hop: HopRequest = { cookies, ...request, signal: waiting.signal };
  try {
    for (;;) {
      if (waiting.signal.aborted) throw abortFailure(waiting.signal, hop.url);
      refuseLoop(seen, hop, cookies, secrets);
      const sending = sendHop(hop);
      const answer = await untilAborted(sending, waiting.signal, hop.url, discard);
      for (const secret of answer.secrets) secrets.add(secret);
      asked.push({ url: hop.url, identity: answer.identity });
      await cookies?.store(hop.url, answer.headers, answer.identity);
      const location = answer.headers.get('location');
      if (answer.final || location === null || !isRedirect(answer.status)) {
        return { answer, redirects, secrets: [...secrets], asked, droppedHeaders: [...dropped] };
      }
      discard(answer);
      if (redirects.length === maxRedirects) {
        throw redirectRefused(
          hop.url,
          `it answered with more than ${maxRedirects} redirects in a row`,
          [
            { do: 'correct_input', with: 'the URL of the page that is meant' },
            { when: 'otherwise', do: 'ask_operator', host: hop.url.host, to: 'fix its redirects' },
          ],
        );
      }
      const all = createConcealer([...secrets]);
      refuseEcho(hop.url, location, all);
      const next = nextHop(hop, answer.status, location, all);
      for (const name of leftAtBorder(hop, next)) dropped.add(name);
      redirects.push(next.url.href);
      hop = next;
    }
  } catch (error) {
    // A message about a redirect may quote its address.
    throw concealFailure(error, createConcealer([...secrets]));
  } finally {
    if (deadline) waiting.release(deadline);
  }
}

/** A redirect must not carry a credential to another origin inside its address. */
function refuseEcho(from: URL, location: string, concealer: Concealer): void {
  if (!concealer.isIn(fieldText(location))) return;
  if (resolveReference(location, from)?.origin === from.origin) return;
  throw redirectRefused(
    from,
    'it leads elsewhere, to an address that holds the credential which was sent',
    [
      { do: 'do_not_retry' },
      { do: 'ask_operator', host: from.host, to: 'keep credentials out of its redirects' },
    ],
  );
}

/** The same request with the same cookies can only get the same answer again. */
function refuseLoop(
  seen: Set<string>,
  { method, url, headers }: HopRequest,
  cookies: CookieStore | undefined,
  secrets: ReadonlySet<string>,
): void {
  const cookie = headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? '';
  const kept = cookies?.state(url) ?? '';
  const key = `${method} ${url.origin}${url.pathname}${url.search}\n${cookie}\n${kept}`;
  if (seen.has(key)) {
    const concealer = createConcealer([...secrets]);
    throw redirectRefused(
      url,
      `its redirects go round in a loop, back to ${quoteServerText(concealer.text(url.pathname))}, as where a login or a cookie of the application is missing`,
      [{ do: 'open_yourself', what: 'page' }],
    );
  }
  seen.add(key);
}
