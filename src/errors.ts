/**
 * All expected failures, as a closed set of codes. An AccessError says what failed, for which host and why
 * (`message`), and what to do next (`nextStep`, see next-step.ts). The message is shown to agents and
 * people unchanged, so it must not contain a secret, and text from the network goes through
 * `quoteServerText` first.
 */
import type { NextStep } from './next-step.ts';

export const errorCodes = [
  'invalid_input',
  'https_required',
  'header_not_allowed',
  'config_invalid',
  'network_error',
  'timeout',
  'tls_untrusted',
  'redirect_refused',
  'response_too_large',
  'invalid_resource_metadata',
  'invalid_server_metadata',
  'untrusted_authorization_server',
  'unsupported_authorization_server',
  'registration_rejected',
  'callback_port_unavailable',
  'sign_in_required',
  'sign_in_pending',
  'sign_in_declined',
  'sign_in_expired',
  'access_denied',
  'token_rejected',
  'temporarily_unavailable',
  'service_token_not_configured',
  'service_token_host_not_allowed',
  'service_token_rejected',
  'service_token_not_disclosed',
  'save_refused',
  'store_unavailable',
  'cancelled',
  'internal_error',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Further public fields of an error result, such as `authorization_url`. They never contain a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: ErrorCode;
  readonly nextStep: NextStep;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    nextStep: NextStep,
    options: { details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.nextStep = nextStep;
    this.details = options.details ?? {};
  }
}

export function isAccessError(value: unknown, ...codes: ErrorCode[]): value is AccessError {
  return value instanceof AccessError && (codes.length === 0 || codes.includes(value.code));
}
