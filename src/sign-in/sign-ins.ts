/**
 * Sign-ins that a person has to finish: begins one by the method that suits the target, or joins one. Open
 * sign-ins that this process has begun or joined are remembered.
 */
import { AccessError } from '../errors.ts';
import { coversScope, joinScopes } from '../oauth/scope.ts';
import type { Session } from '../session/records.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { BeginCodeSignIn } from './authorization-code.ts';
import type { TransferSignIns } from './browser-transfer.ts';
import type { BeginDeviceSignIn } from './device-code.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { SignIn } from './sign-in.ts';
import { obstacleAt, type Target } from './target.ts';

export interface SignIns {
  /**
   * `scope`: what the existing session lacks. It is requested in addition to the target's own scope; an
   * open sign-in that requests as much is joined even with `force`. `notFrom`: a session that was refused,
   * so that one of the same sign-in's is no use either.
   */
  begin(
    target: Target,
    options: {
      device: boolean;
      force: boolean;
      scope?: string | undefined;
      notFrom?: Session | undefined;
    },
  ): Promise<SignIn>;
  /** An open sign-in that covers `url`, in this process or another. Sends no request. */
  join(url: URL): Promise<SignIn | undefined>;
}

export function createSignIns({
  rendezvous,
  beginCode,
  beginDevice,
  transferSignIns,
}: {
  readonly rendezvous: Rendezvous;
  readonly beginCode: BeginCodeSignIn;
  readonly beginDevice: BeginDeviceSignIn;
  readonly transferSignIns: TransferSignIns;
}): SignIns {
  /**
   * By resource. The addresses of some are secret and never stored, so only this process can show them
   * again.
   */
  const open = new Map<string, SignIn>();
  const deviceScopes = new WeakMap<SignIn, string>();

  /**
   * Remembers a sign-in until it ends. `deviceScope`: the scope that its device code was requested with.
   */
  const keep = (signIn: SignIn, deviceScope?: string): SignIn => {
    const known = open.get(signIn.resource);
    // Already followed: what is remembered can show the addresses, which the record on disk lacks.
    if (known && known.startedAt === signIn.startedAt) return { ...known, mine: signIn.mine };
    open.set(signIn.resource, signIn);
    if (deviceScope !== undefined) deviceScopes.set(signIn, deviceScope);
    const drop = () => {
      if (open.get(signIn.resource) === signIn) open.delete(signIn.resource);
    };
    signIn.outcome.then(drop, drop);
    return signIn;
  };

  /**
   * An open sign-in by device code. It was begun because no browser opens here, which is still the case.
   * `stepUp`: the scope that it must cover, if more scope is why a sign-in is needed.
   */
  const joinDevice = async (
    resource: string,
    stepUp: string | undefined,
  ): Promise<SignIn | undefined> => {
    const known = open.get(resource);
    if (known?.method === 'device_code') {
      return coversScope(deviceScopes.get(known), stepUp) ? { ...known, mine: false } : undefined;
    }
    if (stepUp !== undefined) return undefined;
    const joined = await rendezvous.join([resource], ({ method }) => method === 'device_code');
    return joined && keep(joined);
  };

  return {
    async join(url) {
      const keys = keysCovering(url);
      for (const key of keys) {
        const known = open.get(key);
        if (known) return { ...known, mine: false };
      }
      const joined = await rendezvous.join(keys);
      return joined && keep(joined);
    },

    async begin(target, { device, force, scope, notFrom }) {
      if (target.kind === 'transfer') {
        if (device) throw noDeviceCodes(target.transfer.url);
        const obstacle = obstacleAt(target);
        if (obstacle) throw obstacle;
        return keep(await transferSignIns.begin(target.transfer, { force, notFrom }));
      }
      const stepUp = scope !== undefined;
      const options = {
        force: force && !stepUp,
        scope: joinScopes(scope, target.scope),
        notFrom,
      };
      const { authorization_endpoint, device_authorization_endpoint } = target.oauth.server;
      const underWay =
        device || options.force
          ? undefined
          : await joinDevice(target.oauth.resource, scope && options.scope);
      if (underWay) return underWay;
      if (!device && (authorization_endpoint || !device_authorization_endpoint)) {
        return keep(await beginCode(target.oauth, { ...options, stepUp }));
      }
      return keep(await beginDevice(target.oauth, { ...options, force }), options.scope);
    },
  };
}

function noDeviceCodes({ host }: URL): AccessError {
  return new AccessError(
    'unsupported_authorization_server',
    `${host} is behind an Access login that offers no device codes.`,
    [{ do: 'sign_in', not: 'device' }],
  );
}
