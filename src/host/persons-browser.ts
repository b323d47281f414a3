/**
 * The way of the person's browser through a sign-in: opened at a one-shot address, led to the sign-in,
 * and back to the redirect listener. Loaded by the first sign-in.
 */
import type { Log } from '../log.ts';
import type { Browser } from '../session/ports.ts';
import { createBrowser } from './browser/browser.ts';
import type { Environment } from './browser/display.ts';
import { createIdentityKey } from './files/identity-key.ts';
import { createOneShotAddresses, type OneShotAddresses } from './loopback/one-shot-address.ts';
import { createRedirectListener, type LoopbackListener } from './loopback/redirect-listener.ts';

export interface PersonsBrowser {
  readonly listener: LoopbackListener;
  readonly browser: Browser;
  readonly addresses: OneShotAddresses;
}

export function createPersonsBrowser(options: {
  readonly dataDir: string;
  readonly environment: Environment;
  /** Values that must not reach the browser under any variable's name. */
  readonly secrets: readonly string[];
  /** The address that the listener binds instead of both loopback addresses. */
  readonly callbackBind: string | undefined;
  readonly log: Log;
}): PersonsBrowser {
  const { dataDir, environment, secrets, callbackBind, log } = options;
  const listener = createRedirectListener({
    identityKey: createIdentityKey({ dataDir, log }),
    log,
    bindAddress: callbackBind,
  });
  const addresses = createOneShotAddresses({
    // What only a browser of this machine opens is served on loopback alone.
    callbackServer: (port) => (callbackBind ? undefined : listener.serverAt(port)),
    log,
  });
  return {
    listener,
    browser: createBrowser({ environment, secrets, addresses, log }),
    addresses,
  };
}
