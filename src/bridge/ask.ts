/**
 * Sends a request to the remote MCP server, with the credential for its resource and without compression.
 * Follows redirects that keep method and origin, which servers send if the path lacks or has a trailing
 * slash.
 */
import type { Abortable } from '../abortable.ts';
import type { HopAnswer } from '../http/hops.ts';
import { type Field, isRedirect, nextHop, redirectRefused } from '../http/next-hop.ts';
import { discard } from '../http/peek.ts';
import { bytesBody } from '../http/request-body.ts';
import { userAgent } from '../http/send.ts';
import type { CredentialedSend, SendOptions } from '../relay/credentialed-send.ts';
import { type Concealer, createConcealers } from '../secrets/concealer.ts';

export interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly fields: readonly Field[];
  readonly text?: string;
  readonly signal: Abortable;
  /** How to wait for a sign-in; without it, this request starts none. */
  readonly signIn?: Omit<SendOptions, 'isRepeatable'>;
}

export interface Told extends HopAnswer {
  /** The secrets of the credential that the request carried. */
  readonly concealer: Concealer;
}

/** Throws AccessError. */
export type Ask = (asked: Asked) => Promise<Told>;

const mostRedirects = 5;

/** `quietly`: sends requests that must not start a sign-in. */
export function createAsk({
  send,
  quietly,
}: {
  readonly send: CredentialedSend;
  readonly quietly: CredentialedSend;
}): Ask {
  const concealers = createConcealers();
  return async ({ method, url, fields, text, signal, signIn }) => {
    const headers: Field[] = [
      ['user-agent', userAgent],
      ['accept-encoding', 'identity'],
      ...fields,
    ];
    const body = text === undefined ? {} : { body: bytesBody(text) };
    for (let at = url, hops = 0; ; hops += 1) {
      const request = { method, url: at, headers, ...body, signal };
      const wire = { target: at.pathname + at.search };
      const sendNow = signIn ? send : quietly;
      const answer = await sendNow({ ...request, wire }, { ...signIn, isRepeatable: true });
      const concealer = concealers.of(answer.secrets);
      const location = answer.headers.get('location');
      if (location === null || !isRedirect(answer.status)) return { ...answer, concealer };
      discard(answer);
      const next = nextHop(request, answer.status, location, concealer);
      if (hops === mostRedirects) throw refused(at, 'it answers with one after the other');
      if (next.method !== method) throw refused(at, `its ${answer.status} would drop the message`);
      if (next.url.origin !== at.origin) throw refused(at, 'it leads to another origin');
      at = next.url;
    }
  };
}

function refused(from: URL, why: string) {
  return redirectRefused(from, why, [
    { do: 'ask_operator', host: from.host, to: 'give the address of the MCP server itself' },
  ]);
}
