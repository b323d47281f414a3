/**
 * The ways in: what an answer that asks for a credential is met with, and what is said about them. Loaded
 * by the first such answer or question, since most requests carry a kept session that is taken.
 */
import { pastFirewall } from '../cloudflare/firewall.ts';
import { createSigningKeys } from '../cloudflare/signing-keys.ts';
import { onDemand } from '../on-demand.ts';
import { once } from '../once.ts';
import { createTeamProofs } from '../sign-in/team-proofs.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';
import { createDetect, type Detect } from './detect.ts';
import { createBesideAuthorization } from './exchange/beside-authorization.ts';
import type { GuardedSend } from './exchange/guarded-request.ts';
import { createNextCredential, type NextCredential } from './exchange/next-credential.ts';
import type { AskingParts } from './parts.ts';
import { createMakePlan, type MakePlan } from './plan.ts';
import { createRedeemCallback } from './redeem-callback.ts';
import { createRunPlan, type RunPlan } from './run-plan.ts';
import { createServiceTokens, type ServiceTokens } from './service-tokens/service-tokens.ts';
import { createSilentCredentials } from './silent-credentials.ts';
import { type AskForToken, createAskForToken } from './token/ask-for-token.ts';

export interface WaysIn {
  readonly detect: Detect;
  readonly authenticate: Authenticate;
  readonly askForToken: AskForToken;
  readonly makePlan: MakePlan;
  readonly runPlan: RunPlan;
  readonly serviceTokens: ServiceTokens;
  readonly nextCredential: NextCredential;
}

export function createWaysIn(parts: AskingParts & { readonly guardedSend: GuardedSend }): WaysIn {
  const { settings, clock, fetch, sessions, credentials, granted, userAgents, guardedSend } = parts;
  const { headless } = settings;
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
  const { makePlan, runPlan } = shared;
  return {
    makePlan,
    runPlan,
    serviceTokens,
    detect: createDetect({ ...shared, silentCredentials, proofs }),
    authenticate: createAuthenticate({ ...shared, signIns, redeemCallback }),
    nextCredential: createNextCredential(shared),
    askForToken: createAskForToken(shared),
  };
}
