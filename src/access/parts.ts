/** What the access room is made of: settings, and what it needs of the machine and the network. */
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Send } from '../http/send.ts';
import type { Log } from '../log.ts';
import type { Clock, Lock, RecordStore, RedirectListener } from '../session/ports.ts';
import type { SignInSettings } from './sign-in-parts.ts';

export interface AccessSettings extends SignInSettings {
  readonly serviceTokens: readonly ServiceToken[];
  readonly headless: boolean;
}

export interface AccessParts {
  readonly settings: AccessSettings;
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly listener: RedirectListener;
  readonly send: Send;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
}
