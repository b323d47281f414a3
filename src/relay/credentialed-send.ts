/**
 * Sends a request with the credential of its resource. When a person has to sign in, a plain request of
 * our own finds out how: Access answers a browser's request differently from a program's, and a body that
 * can be sent only once must not be spent on a challenge.
 */

import type { Abortable } from '../abortable.ts';
import type { Access } from '../access/access.ts';
import { hasAuthorization } from '../access/exchange/guarded-request.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import type { HopAnswer } from '../http/hops.ts';
import type { HopRequest } from '../http/next-hop.ts';
import { signInPending } from '../sign-in/person-sign-in.ts';
import type { WaitOptions } from '../sign-in/waiting.ts';

export interface SendOptions extends Pick<WaitOptions, 'leftMs'> {
  readonly isRepeatable: boolean;
  /** A person is needed: from now on it may take long. */
  readonly onSignIn?: () => void;
}

export type CredentialedSend = (
  request: HopRequest & { readonly signal: Abortable },
  options: SendOptions,
) => Promise<HopAnswer>;

export function createCredentialedSend({
  access,
  mayAsk,
  ...waiting
}: Omit<WaitOptions, 'signal' | 'leftMs'> & {
  readonly access: Pick<Access, 'sendHop' | 'authenticate'>;
  /** False: nobody is ever asked to sign in here. */
  readonly mayAsk: boolean;
}): CredentialedSend {
  /** The error of the last sign-in if the person declined or ignored it; they are not asked again. */
  let unwanted: AccessError | undefined;

  const signIn = async (
    request: Parameters<CredentialedSend>[0],
    { leftMs, onSignIn }: SendOptions,
  ): Promise<void> => {
    const { url, signal } = request;
    if (unwanted) throw unwanted;
    onSignIn?.();
    try {
      const outcome = await access.authenticate(url, {
        ...waiting,
        ...(leftMs ? { leftMs } : {}),
        method: 'auto',
        force: false,
        besideAuthorization: hasAuthorization(request),
        signal,
      });
      if (outcome.status === 'pending') throw signInPending(url, outcome.signIn);
    } catch (error) {
      if (isAccessError(error, 'sign_in_declined', 'sign_in_expired')) unwanted = error;
      throw error;
    }
  };

  const send = async (request: Parameters<CredentialedSend>[0]): Promise<HopAnswer> => {
    const { signal } = request;
    const answer = await access.sendHop(request, { ...waiting, signIn: false, signal });
    // There is a credential again, so somebody has signed in elsewhere, and people may be asked again.
    if (answer.auth !== 'none') unwanted = undefined;
    return answer;
  };

  return async (request, options) => {
    if (!options.isRepeatable && !unwanted) await signIn(request, options);
    try {
      return await send(request);
    } catch (error) {
      if (!mayAsk || !isAccessError(error, 'sign_in_required')) throw error;
    }
    await signIn(request, options);
    return await send(request);
  };
}
