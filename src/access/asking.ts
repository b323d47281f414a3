/**
 * What a kept session is not enough for: requests to applications, and everything that their answers ask
 * for. Loaded by the first call that sends anything.
 */
import { pastFirewall, type UserAgents } from '../cloudflare/firewall.ts';
import { createSigningKeys } from '../cloudflare/signing-keys.ts';
import { onDemand } from '../on-demand.ts';
import { once } from '../once.ts';
import type { Sessions } from '../session/sessions.ts';
import { createTeamProofs } from '../sign-in/team-proofs.ts';
import type { TokenHosts } from '../sign-in/token-hosts.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';
import { createBesideAuthorization } from './beside-authorization.ts';
import type { Credentials } from './credentials.ts';
import { createDetect, type Detect } from './detect.ts';
import { createSendGuardedHop, type SendGuardedHop } from './guarded-exchange.ts';
import { createGuardedSend } from './guarded-request.ts';
import { createNextCredential } from './next-credential.ts';
import type { AccessParts } from './parts.ts';
import { createMakePlan } from './plan.ts';
import { createRedeemCallback } from './redeem-callback.ts';
import { createRunPlan } from './run-plan.ts';
import type { GrantedTokens } from './service-tokens/granted.ts';
import { createServiceTokens } from './service-tokens/service-tokens.ts';
import { createSilentCredentials } from './silent-credentials.ts';
import { type AskForToken, createAskForToken } from './token/ask-for-token.ts';

export interface Asking {
  readonly detect: Detect;
  readonly authenticate: Authenticate;
  readonly sendHop: SendGuardedHop;
  readonly askForToken: AskForToken;
}

export function createAsking(
  parts: AccessParts & {
    readonly sessions: Sessions;
    readonly credentials: Credentials;
    readonly granted: GrantedTokens;
    readonly tokenHosts: TokenHosts;
    readonly userAgents: UserAgents;
  },
): Asking {
  const { settings, clock, send, fetch, sessions, credentials, granted, userAgents } = parts;
  const { headless } = settings;
  const guardedSend = createGuardedSend(send, userAgents);
  const questions = pastFirewall(fetch, userAgents);
  const keys = createSigningKeys({ fetch, now: () => clock.now() });
  const proofs = createTeamProofs({ fetch: questions, clock, keys });
  const serviceTokens = createServiceTokens({
    tokens: settings.serviceTokens,
    granted,
    pinnedTeam: settings.trust.team,
    proofs,
    guardedSend,
  });
  // Everything that signs people in: most calls find a session.
  const signInParts = once(async () => {
    const { createSignInParts } = await import('./sign-in-parts.ts');
    return createSignInParts({ ...parts, questions, keys, proofs });
  });
  const { redeem, findTarget, findTransferTarget } = onDemand(
    signInParts,
    'redeem',
    'findTarget',
    'findTransferTarget',
  );
  const signIns = onDemand(async () => (await signInParts()).signIns, 'join');
  const personSignIn = onDemand(
    async () => (await signInParts()).personSignIn,
    'signIn',
    'start',
    'wait',
  );
  const transferSignIns = onDemand(
    async () => (await signInParts()).transferSignIns,
    'borrow',
    'exchange',
  );
  const silentCredentials = createSilentCredentials({ sessions, transferSignIns });
  const shared = {
    guardedSend,
    credentials,
    sessions,
    granted,
    serviceTokens,
    makePlan: createMakePlan({ findTarget, headless }),
    runPlan: createRunPlan({ credentials, serviceTokens, silentCredentials, headless }),
    personSignIn,
    besideAuthorization: createBesideAuthorization({ findTransferTarget, clock }),
    headless,
  };
  const redeemCallback = createRedeemCallback({ redeem, credentials, sessions });
  const nextCredential = createNextCredential(shared);
  return {
    detect: createDetect({ ...shared, silentCredentials, proofs }),
    authenticate: createAuthenticate({ ...shared, signIns, redeemCallback }),
    sendHop: createSendGuardedHop({ ...shared, nextCredential }),
    askForToken: createAskForToken(shared),
  };
}
