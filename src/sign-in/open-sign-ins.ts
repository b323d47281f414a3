/** The sign-ins that this process has seen begin or has joined, so that a later call joins them again. */
import { coversScope } from '../oauth/scope.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { SignIn } from './sign-in.ts';

export interface OpenSignIns {
  /** Until it ends. `deviceScope`: what a device code was asked for. */
  keep(signIn: SignIn, deviceScope?: string): SignIn;
  /** A sign-in under way that covers `url`, in this process or another; asks the network nothing. */
  join(url: URL): Promise<SignIn | undefined>;
  /**
   * A device code under way: it was begun because no browser opens here, which is so still. `stepUp`:
   * the scope that it has to bring, if only that is wanted.
   */
  joinDevice(resource: string, stepUp: string | undefined): Promise<SignIn | undefined>;
}

export function createOpenSignIns(rendezvous: Rendezvous): OpenSignIns {
  /** By resource. The addresses of some are secret: only this process can show them again. */
  const open = new Map<string, SignIn>();
  const deviceScopes = new WeakMap<SignIn, string>();

  const keep = (signIn: SignIn, deviceScope?: string): SignIn => {
    const known = open.get(signIn.resource);
    // Following the same one twice would show it as another's.
    if (known && known.startedAt === signIn.startedAt) return { ...known, mine: signIn.mine };
    open.set(signIn.resource, signIn);
    if (deviceScope !== undefined) deviceScopes.set(signIn, deviceScope);
    const drop = () => {
      if (open.get(signIn.resource) === signIn) open.delete(signIn.resource);
    };
    signIn.outcome.then(drop, drop);
    return signIn;
  };

  return {
    keep,

    async join(url) {
      const keys = keysCovering(url);
      for (const key of keys) {
        const known = open.get(key);
        if (known) return { ...known, mine: false };
      }
      const joined = await rendezvous.join(keys);
      return joined && keep(joined);
    },

    async joinDevice(resource, stepUp) {
      const known = open.get(resource);
      if (known?.method === 'device_code') {
        return coversScope(deviceScopes.get(known), stepUp) ? { ...known, mine: false } : undefined;
      }
      if (stepUp !== undefined) return undefined;
      const joined = await rendezvous.join([resource], ({ method }) => method === 'device_code');
      return joined && keep(joined);
    },
  };
}
