/** What the access room is made of: settings, and what it needs of the machine and the network. */

import type { UserAgents } from '../cloudflare/firewall.ts';
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Send } from '../http/send.ts';
import type { Log } from '../log.ts';
import type { Clock, Lock, RecordStore, RedirectListener } from '../session/ports.ts';
import type { Sessions } from '../session/sessions.ts';
import type { TokenHosts } from '../sign-in/token-hosts.ts';
import type { Credentials } from './credentials.ts';
import type { GrantedTokens } from './service-tokens/granted.ts';
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

/** The same, for what sends requests: with what keeps the credentials. */
export interface AskingParts extends AccessParts {
  readonly sessions: Sessions;
  readonly credentials: Credentials;
  readonly granted: GrantedTokens;
  readonly tokenHosts: TokenHosts;
  readonly userAgents: UserAgents;
}
