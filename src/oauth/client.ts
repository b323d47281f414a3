/** Our client at an authorization server, and how its requests authenticate (RFC 6749 §2.3). */
import {
  allowInsecureRequests,
  type Client,
  type ClientAuth,
  ClientSecretPost,
  customFetch,
  None,
} from 'oauth4webapi';
import type { Abortable } from '../abortable.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { isLoopback } from '../secure-url.ts';

export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly tokenEndpointAuthMethod: 'none' | 'client_secret_basic' | 'client_secret_post';
}

/** oauth4webapi's view of a client: who it is, and how it authenticates. */
export function clientAuthentication(client: OAuthClient): [Client, ClientAuth] {
  const { clientId: client_id, clientSecret, tokenEndpointAuthMethod } = client;
  switch (tokenEndpointAuthMethod) {
    case 'none':
      return [{ client_id }, None()];
    case 'client_secret_basic':
      return [{ client_id }, basic(clientSecret ?? '')];
    case 'client_secret_post':
      return [{ client_id }, ClientSecretPost(clientSecret ?? '')];
  }
}

/**
 * HTTP Basic with both parts form-encoded (RFC 6749 §2.3.1). The library escapes everything but letters and
 * digits; here the characters that the encoding leaves alone (appendix B: `-`, `.`, `_`, `*`) stay as they
 * are, because many servers compare without decoding and most identifiers contain no others.
 */
function basic(clientSecret: string): ClientAuth {
  return (_server, { client_id }, _body, headers) => {
    const pair = `${formEncoded(client_id)}:${formEncoded(clientSecret)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** oauth4webapi's request options: our fetch, and http allowed to loopback alone. */
export function requestOptions(fetch: ProtocolFetch, issuer: string, signal?: Abortable) {
  return {
    [customFetch]: async (
      url: string,
      request: { method: string; headers: Record<string, string>; body?: unknown },
    ) => {
      const answer = await fetch(url, {
        method: request.method,
        headers: withoutUserAgent(request.headers),
        body: request.body as string | URLSearchParams | undefined,
        signal,
      });
      // A server refuses a client with a challenge and with `error` (RFC 6749 §5.2). The library would stop
      // at the challenge, but only `error` says whether the client or the grant was refused.
      answer.headers.delete('www-authenticate');
      return answer;
    },
    [allowInsecureRequests]: isLoopback(new URL(issuer)),
  };
}

/** The library sets its own User-Agent; ours is the same for every request. */
function withoutUserAgent(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => name.toLowerCase() !== 'user-agent'),
  );
}
