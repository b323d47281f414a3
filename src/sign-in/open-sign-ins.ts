/** The sign-ins that this process has seen begin or has joined, so that a later call joins them again. */
import { coversScope } from '../oauth/scope.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { CodeSignIns } from './authorization-code.ts';
import type { LocalSignIns } from './local-sign-in.ts';
import type { SignIn } from './sign-in.ts';

export interface RunningSignIns {
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

export function createRunningSignIns({
  codeSignIns,
  localSignIns,
}: {
  readonly codeSignIns: CodeSignIns;
  readonly localSignIns: LocalSignIns;
}): RunningSignIns {
  /** By resource: the only ones whose secret URL can be shown again. */
  const running = new Map<string, SignIn>();
  const deviceScopes = new WeakMap<SignIn, string>();

  const keep = (signIn: SignIn, deviceScope?: string): SignIn => {
    const known = running.get(signIn.resource);
    // Following the same one twice would show it as another's.
    if (known && known.startedAt === signIn.startedAt) return { ...known, mine: signIn.mine };
    running.set(signIn.resource, signIn);
    if (deviceScope !== undefined) deviceScopes.set(signIn, deviceScope);
    const drop = () => {
      if (running.get(signIn.resource) === signIn) running.delete(signIn.resource);
    };
    signIn.outcome.then(drop, drop);
    return signIn;
  };

  return {
    keep,

    async join(url) {
      const keys = keysCovering(url);
      for (const key of keys) {
        const known = running.get(key);
        if (known) return { ...known, mine: false };
      }
      const joined = (await codeSignIns.join(keys)) ?? (await localSignIns.join(keys));
      return joined && keep(joined);
    },

    async joinDevice(resource, stepUp) {
      const known = running.get(resource);
      if (known?.method === 'device_code') {
        return coversScope(deviceScopes.get(known), stepUp) ? { ...known, mine: false } : undefined;
      }
      if (stepUp !== undefined) return undefined;
      const joined = await localSignIns.join([resource]);
      return joined?.method === 'device_code' ? keep(joined) : undefined;
    },
  };
}
