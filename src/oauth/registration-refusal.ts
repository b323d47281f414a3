/** Why a registration failed (RFC 7591 §3.2.2), and what can be done about it. */
import { ResponseBodyError } from 'oauth4webapi';
import type { NextStep } from '../next-step.ts';
import { AnswerFault } from './documents/answer-fault.ts';
import { howToAllow, namesRedirectUri } from './redirect-uri-refusal.ts';

export interface RegistrationRefusal {
  /** A predicate: the server's name precedes it. */
  readonly what: string;
  readonly nextStep: NextStep;
  /** The server may accept another redirection URI. */
  readonly isRedirectUri: boolean;
}

export function refusedFor(error: unknown, host: string, redirectUri: string): RegistrationRefusal {
  if (isAboutRedirectUri(error)) {
    return {
      what: `refused to register this client with the redirection URI ${redirectUri}`,
      nextStep: [howToAllow(host, redirectUri)],
      isRedirectUri: true,
    };
  }
  const isClosed = statusOf(error) === 401 || statusOf(error) === 403;
  if (isClosed || error instanceof ResponseBodyError) {
    return {
      what: 'refused to register this client',
      nextStep: [
        {
          do: 'ask_operator',
          host,
          to: isClosed
            ? 'open dynamic client registration, which only clients that it knows may use now'
            : 'look into what the server answered',
        },
      ],
      isRedirectUri: false,
    };
  }
  return {
    what: 'sent an unusable answer to the registration of this client',
    nextStep: [{ do: 'do_not_retry' }, { do: 'ask_operator', host, to: 'fix its answer' }],
    isRedirectUri: false,
  };
}

/** Access answers `invalid_client_metadata`, or a bare sentence about the `redirect_uri`. */
function isAboutRedirectUri(error: unknown): boolean {
  if (error instanceof ResponseBodyError) {
    return (
      error.error === 'invalid_redirect_uri' ||
      error.error === 'invalid_client_metadata' ||
      namesRedirectUri(error.error_description)
    );
  }
  return error instanceof AnswerFault && namesRedirectUri(error.words);
}

function statusOf(error: unknown): number | undefined {
  const hasStatus = error instanceof ResponseBodyError || error instanceof AnswerFault;
  return hasStatus ? error.status : undefined;
}
