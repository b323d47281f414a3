/** Maps failures of `fetch` to curl's exit codes (curl(1), EXIT CODES). */
import { AccessError, type ErrorCode, isAccessError } from '../../errors.ts';
import { Interrupted } from '../terminal/cancellation.ts';

/** A failure that only this command has, and that therefore has no code in the closed set. */
export class CurlFailure extends Error {
  override readonly name = 'CurlFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

const byErrorCode: Partial<Record<ErrorCode, number>> = {
  https_required: 1,
  invalid_input: 2,
  header_not_allowed: 2,
  config_invalid: 2,
  timeout: 28,
  redirect_refused: 47,
  response_too_large: 56,
  tls_untrusted: 60,
  store_unavailable: 1,
  internal_error: 1,
};

const bySystemCode: readonly [RegExp, number][] = [
  [/^(?:ENOTFOUND|EAI_)/, 6],
  [/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EHOSTDOWN)$/, 7],
  [/^HPE_/, 8],
  [/^(?:EPROTO$|ERR_SSL|ERR_TLS)/, 35],
  // A file that has become shorter while it was sent.
  [/^UND_ERR_REQ_CONTENT_LENGTH_MISMATCH$/, 26],
  [/^UND_ERR_SOCKET$/, 52],
  [/^(?:Z_|ERR__|ZSTD_)/, 61],
];

/** Never 0. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof CurlFailure) return error.exitCode;
  if (error instanceof Interrupted) return error.exitCode;
  if (!isAccessError(error)) return 1;
  if (error.code === 'network_error') {
    const code = systemCodeOf(error);
    return bySystemCode.find(([pattern]) => pattern.test(code))?.[1] ?? 56;
  }
  // All others mean that a sign-in, a token or a policy failed: curl's “login denied”.
  return byErrorCode[error.code] ?? 67;
}

/** What was thrown, or what caused it, where that is this command's own. */
export function curlFailureIn(error: unknown): CurlFailure | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1) {
    if (at instanceof CurlFailure) return at;
  }
  return undefined;
}

/** The code of the system or a library, from the error or its causes. */
export function systemCodeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1) {
    if (!(at instanceof AccessError) && 'code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return systemCodeOf(at.errors[0]);
  }
  return '';
}
