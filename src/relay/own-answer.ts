/**
 * The relay's own answers: plain text, so that they are not mistaken for the origin's, with Proxy-Status
 * (RFC 9209) for programs.
 */
import type { AccessError, ErrorCode } from '../errors.ts';
import type { Exchange } from './local-server.ts';

/** Seconds; only for failures after which the same request may succeed. */
const retryAfter: Partial<Record<ErrorCode, number>> = {
  sign_in_pending: 5,
  sign_in_required: 30,
  sign_in_expired: 30,
  temporarily_unavailable: 1,
  callback_port_unavailable: 10,
};

/** Never 401: the client would ask the person for a password and send it to the origin. */
export function statusFor(code: ErrorCode): number {
  switch (code) {
    case 'invalid_input':
    case 'header_not_allowed':
      return 400;
    case 'access_denied':
    case 'sign_in_declined':
    case 'service_token_not_configured':
    case 'service_token_host_not_allowed':
    case 'service_token_rejected':
      return 403;
    case 'timeout':
      return 504;
    case 'sign_in_pending':
    case 'sign_in_required':
    case 'sign_in_expired':
    case 'temporarily_unavailable':
    case 'callback_port_unavailable':
    case 'cancelled':
      return 503;
    case 'internal_error':
      return 500;
    default:
      return 502;
  }
}

export function answerFailure(
  { code }: Pick<AccessError, 'code'>,
  words: string,
  exchange: Exchange,
): void {
  const seconds = retryAfter[code];
  answerOwn(statusFor(code), words, exchange, {
    'proxy-status': `cloudflare-access-mcp; details="${code}"`,
    ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
  });
}

export function answerOwn(
  status: number,
  words: string,
  exchange: Exchange,
  fields: Readonly<Record<string, string>> = {},
): void {
  const { request, response, awaitsContinue } = exchange;
  if (response.headersSent || response.destroyed) {
    // A truncated answer must not look complete.
    response.destroy();
    return;
  }
  const content = Buffer.from(`${words}\n`);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': content.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...fields,
    // The client will not send its body now, and what it sends next must not be taken for the body.
    ...(awaitsContinue ? { connection: 'close' } : {}),
  });
  if (request.method !== 'HEAD') response.write(content);
  endExchange(exchange);
}

/** How long a client may go on sending an unwanted body, so that it gets to read the answer. */
const lingerMs = 2_000;

/**
 * Ends the answer. If the client is still sending its body, reading goes on for a moment (RFC 9112 §9.6).
 */
export function endExchange({ request, response, awaitsContinue }: Exchange): void {
  response.end();
  if (request.complete || awaitsContinue) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  const done = () => clearTimeout(timer);
  request.once('end', done).once('close', done);
  request.resume();
}
