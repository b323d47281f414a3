/**
 * Requests to applications, each with the credential for its resource. Loaded by the first call that sends
 * anything.
 */
import { onDemand } from '../on-demand.ts';
import { once } from '../once.ts';
import type { Authenticate } from './authenticate.ts';
import type { Detect } from './detect.ts';
import { createSendGuardedHop, type SendGuardedHop } from './exchange/guarded-exchange.ts';
import { createGuardedSend } from './exchange/guarded-request.ts';
import type { AskingParts } from './parts.ts';
import type { AskForToken } from './token/ask-for-token.ts';

export interface Asking {
  readonly detect: Detect;
  readonly authenticate: Authenticate;
  readonly sendHop: SendGuardedHop;
  readonly askForToken: AskForToken;
}

export function createAsking(parts: AskingParts): Asking {
  const { settings, send, credentials, granted, userAgents } = parts;
  const guardedSend = createGuardedSend(send, userAgents);
  const waysIn = once(async () => {
    const { createWaysIn } = await import('./ways-in.ts');
    return createWaysIn({ ...parts, guardedSend });
  });
  const { makePlan, ...asked } = onDemand(
    waysIn,
    'makePlan',
    'detect',
    'authenticate',
    'askForToken',
  );
  const sendHop = createSendGuardedHop({
    guardedSend,
    credentials,
    granted,
    headless: settings.headless,
    makePlan,
    serviceTokens: onDemand(async () => (await waysIn()).serviceTokens, 'choose', 'judge'),
    runPlan: onDemand(async () => (await waysIn()).runPlan, 'silently'),
    nextCredential: onDemand(async () => (await waysIn()).nextCredential, 'after'),
  });
  return { sendHop, ...asked };
}
