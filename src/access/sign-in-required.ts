/** The error for a URL that requires a person to sign in, in a call that does not start sign-ins. */
import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import { AccessError } from '../errors.ts';
import type { NextStep } from '../next-step.ts';

/**
 * `headless`: this server never starts a sign-in. `not_in_this_call`: the caller has forbidden it.
 * `token`: get_token never starts one.
 */
export function signInRequired(
  url: URL,
  why: 'headless' | 'not_in_this_call' | 'token',
  guard: Guard,
): AccessError {
  const [message, nextStep] = words(url, why, guard);
  return new AccessError('sign_in_required', message, nextStep);
}

function words(
  url: URL,
  why: 'headless' | 'not_in_this_call' | 'token',
  guard: Guard,
): [message: string, nextStep: NextStep] {
  const { host, origin, pathname } = url;
  const page = `${origin}${pathname}`;
  switch (why) {
    case 'token':
      return [
        `There is no session for ${host}.`,
        [
          { do: 'sign_in', url: page },
          ...(asksAsAccess(guard)
            ? ([{ when: 'nobody_there', do: 'use_service_token', host }] as const)
            : []),
        ],
      ];
    case 'not_in_this_call':
      return [
        `${host} requires a person to sign in, and this call does not allow that.`,
        [
          { do: 'sign_in', url: page },
          { when: 'otherwise', do: 'let_call_sign_in' },
        ],
      ];
    case 'headless':
      return asksAsAccess(guard)
        ? [
            `${host} requires a person to sign in, and nobody may be asked here (headless).`,
            [
              { do: 'run_attended', url: page },
              { when: 'otherwise', do: 'use_service_token', host },
            ],
          ]
        : [
            `${host} requires a person to sign in at an authorization server that is not Cloudflare Access, where a service token does not help, and nobody may be asked here (headless).`,
            [
              { do: 'run_attended', url: page },
              { when: 'otherwise', do: 'use_own_credential' },
            ],
          ];
  }
}
