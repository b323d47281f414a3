/** Turns what undici, TLS and sockets throw into an AccessError that says what to do. */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';

const timeouts: readonly string[] = [
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
];

const lost: readonly string[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** Node's codes for an untrusted certificate. */
const untrusted =
  /^(?:UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)/;

/** Whether the connection ended, or became unusable, before any answer arrived. */
export function connectionWasLost(error: unknown): boolean {
  return lost.includes(codeOf(error));
}

/** True of a proxy as well, where there is one. */
const inWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'DNS knows no such name',
  EAI_AGAIN: 'DNS did not answer',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  ENETUNREACH: 'there is no way there from this network',
  EHOSTUNREACH: 'there is no way there from this network',
};

/** `signal`: the request's; if it is aborted with an AccessError as its reason, that is the failure. */
export function networkFailure(error: unknown, url: URL, signal?: Abortable): AccessError {
  if (error instanceof AccessError) return error;
  const host = url.host;
  if (signal?.aborted) return abortFailure(signal, url);
  const code = codeOf(error);
  if (timeouts.includes(code)) {
    return new AccessError(
      'timeout',
      `${host} did not answer in time (${code}).`,
      [
        { do: 'retry' },
        {
          when: 'persists',
          do: 'check',
          whether: 'the host is up, and whether a VPN or a proxy is needed',
        },
        { when: 'otherwise', do: 'raise_timeout' },
      ],
      { cause: error },
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const is = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return new AccessError(
      'tls_untrusted',
      `The certificate of ${host} ${is} by this machine’s clock, which says ${new Date().toISOString()} (${code}).`,
      [
        { do: 'check', whether: 'this machine’s clock is right: certificates are judged by it' },
        { when: 'otherwise', do: 'ask_operator', host, to: 'renew its certificate' },
        { when: 'proxied', do: 'trust_certificate' },
      ],
      { cause: error },
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return new AccessError(
      'tls_untrusted',
      `The certificate that came for ${host} is for other names (${code}).`,
      [
        { do: 'check', whether: 'the host name in the URL is right' },
        { when: 'otherwise', do: 'ask_operator', host, to: 'use a certificate with this name' },
      ],
      { cause: error },
    );
  }
  if (untrusted.test(code)) {
    return new AccessError(
      'tls_untrusted',
      `The certificate of ${host} is not trusted (${code}).`,
      [{ do: 'trust_certificate' }],
      { cause: error },
    );
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return new AccessError(
      'response_too_large',
      `The header fields of the answer from ${host} are too large (${code}).`,
      [{ do: 'ask_operator', host, to: 'send smaller header fields' }],
      { cause: error },
    );
  }
  if (/^(?:Z_|ERR__?(?:ERROR_FORMAT|BROTLI|ZSTD|ZLIB)|ZSTD_)/.test(code)) {
    return new AccessError(
      'network_error',
      `The body of the answer from ${host} is broken: it does not follow its Content-Encoding (${code}).`,
      [{ do: 'correct_input', with: 'the header Accept-Encoding: identity' }],
      { cause: error },
    );
  }
  const throughProxy = messageOf(error).match(
    /^Proxy (?:response \((\d{3})\)|Authentication Required \((407)\))/,
  );
  if (throughProxy) {
    return new AccessError(
      'network_error',
      `The proxy refused the connection to ${host} (status ${throughProxy[1] ?? throughProxy[2]}).`,
      [{ do: 'check_proxy' }],
      { cause: error },
    );
  }
  if (code === 'ECONNREFUSED' && isLoopback(url)) {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return new AccessError(
      'network_error',
      `Nothing listens on port ${port} of this machine (${host}: ${code}).`,
      [{ do: 'start_program', port }],
      { cause: error },
    );
  }
  // Newer OpenSSL reports a plain http answer with the second code.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return new AccessError(
      'network_error',
      `What answered for ${host} speaks no TLS on that port (${code}).`,
      [
        {
          do: 'correct_input',
          with: 'http:// (only allowed on this machine) or the right port',
        },
        { when: 'proxied', do: 'check_proxy' },
      ],
      { cause: error },
    );
  }
  const why = inWords[code];
  return new AccessError(
    'network_error',
    `The request to ${host} failed${why ? `: ${why}` : ''} (${code || 'no code'}).`,
    [{ do: 'check_network' }],
    { cause: error },
  );
}

export function abortFailure(signal: Pick<Abortable, 'reason'>, url: URL): AccessError {
  if (signal.reason instanceof AccessError) return signal.reason;
  if (signal.reason instanceof Error && signal.reason.name === 'TimeoutError') {
    return new AccessError('timeout', `The request to ${url.host} did not end in time.`, [
      { do: 'retry' },
      { when: 'persists', do: 'raise_timeout' },
    ]);
  }
  return new AccessError('cancelled', `The request to ${url.host} was cancelled.`, [
    { when: 'wanted', do: 'retry' },
  ]);
}

/** The code of the system or library, from the error or from its causes. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return '';
}

/** The first message in the chain of causes that is undici's about a proxy. */
function messageOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at.message.startsWith('Proxy ')) return at.message;
  }
  return '';
}
