/** Everything that signs people in, loaded when somebody has to be: most calls find a session. */
import { once } from '../once.ts';
import type { createSignInParts } from './sign-in-parts.ts';

type SignInParts = ReturnType<typeof createSignInParts>;

export function signInOnDemand(load: () => Promise<SignInParts>): {
  readonly redeem: SignInParts['redeem'];
  readonly findTarget: SignInParts['findTarget'];
  readonly findTransferTarget: SignInParts['findTransferTarget'];
  readonly signIns: Pick<SignInParts['signIns'], 'join'>;
  readonly personSignIn: SignInParts['personSignIn'];
  readonly transferSignIns: Pick<SignInParts['transferSignIns'], 'borrow' | 'exchange'>;
} {
  const parts = once(load);
  return {
    redeem: async (...given) => (await parts()).redeem(...given),
    findTarget: async (...given) => (await parts()).findTarget(...given),
    findTransferTarget: async (...given) => (await parts()).findTransferTarget(...given),
    signIns: {
      join: async (...given) => (await parts()).signIns.join(...given),
    },
    personSignIn: {
      signIn: async (...given) => (await parts()).personSignIn.signIn(...given),
      start: async (...given) => (await parts()).personSignIn.start(...given),
      wait: async (...given) => (await parts()).personSignIn.wait(...given),
    },
    transferSignIns: {
      borrow: async (...given) => (await parts()).transferSignIns.borrow(...given),
      exchange: async (...given) => (await parts()).transferSignIns.exchange(...given),
    },
  };
}
