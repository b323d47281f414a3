/** authenticate: gets a session for a URL, from what is already here or by having the person sign in. */
import * as z from 'zod';
import type { Authenticated } from '../access/authenticate.ts';
import { instant } from '../instant.ts';
import type { NextStep } from '../next-step.ts';
import { finishSignIn } from '../sign-in/sign-in.ts';
import { callbackResponse } from './callback-address.ts';
import { stepForAgents } from './step-for-agents.ts';
import { targetUrl } from './target-url.ts';
import type { ToolContext } from './tool.ts';
import { defineTool, structured } from './tool.ts';

export const authenticate = defineTool({
  name: 'authenticate',
  title: 'Sign in to a URL',
  description: `Makes sure that a URL behind Cloudflare Access can be fetched: reuses or refreshes the session, uses a configured service token where nobody can sign in, or has the person sign in in their browser. access_fetch does the same; call authenticate to sign in beforehand, to finish a pending sign-in, or to start afresh (force).

When status is pending, SHOW THE PERSON authorization_url (or user_code and verification_uri) and call again with the same url: the sign-in stays open until expires_at (up to an hour, since a second person may have to approve it), and calling again joins it instead of opening another tab. If their browser is on another machine and ends at an address beginning with http://localhost that does not load, pass that whole address as callback_url.

status not_needed means that the URL needs no credential. Never ask the person for a password or a token.`,
  input: z.strictObject({
    url: z.string().describe('The absolute URL to be reached.'),
    method: z
      .enum(['auto', 'browser', 'device', 'service_token'])
      .default('auto')
      .describe(
        'auto, unless the person wants a particular method; device: a short code to enter in any browser.',
      ),
    force: z
      .boolean()
      .default(false)
      .describe('Start afresh even if there is a session or a pending sign-in.'),
    wait_seconds: z
      .number()
      .min(0)
      .max(600)
      .default(45)
      .describe('How long to wait for the person before answering pending.'),
    callback_url: z
      .string()
      .optional()
      .describe('The address that the person’s browser ended at and could not load.'),
  }),
  output: z.object({
    status: z.enum(['authenticated', 'pending', 'not_needed']),
    resource: z.string().nullable(),
    method: z
      .enum([
        'authorization_code',
        'device_code',
        'browser_transfer',
        'cloudflared',
        'service_token',
      ])
      .nullable(),
    expires_at: z.string().nullable(),
    authorization_server: z.string().nullable(),
    authorization_url: z.string().nullable(),
    user_code: z.string().nullable(),
    verification_uri: z.string().nullable(),
    next_step: z.string(),
  }),
  annotations: {
    readOnlyHint: false,
    openWorldHint: true,
    idempotentHint: true,
    destructiveHint: false,
  },
  async run({ url: text, method, force, wait_seconds, callback_url }, context) {
    const url = targetUrl(text);
    const { access, signal, askPerson, onProgress, resumed } = context;
    const outcome = await access.authenticate(url, {
      method,
      force: force && !resumed,
      waitMs: wait_seconds * 1000,
      callback: callback_url === undefined ? undefined : callbackResponse(callback_url),
      askPerson,
      signal,
      onWaiting: onProgress && ((message, elapsedMs) => onProgress(message, elapsedMs / 1000)),
    });
    // Somebody else may have signed in, who must not read on in what was stored for the previous person.
    if (force) {
      context.kept.pages.clear();
      context.kept.concealers.clear();
    }
    return structured(authenticateResult(url, outcome, context));
  },
});

/** The result object, which `login --json` prints too, with the next step for people. */
export function authenticateResult(
  url: URL,
  outcome: Authenticated,
  { access }: Pick<ToolContext, 'access'>,
  render: (nextStep: NextStep) => string = stepForAgents,
): Record<string, unknown> {
  const nothing = {
    resource: null,
    method: null,
    expires_at: null,
    authorization_server: null,
    authorization_url: null,
    user_code: null,
    verification_uri: null,
  };
  switch (outcome.status) {
    case 'not_needed':
      return {
        status: 'not_needed',
        ...nothing,
        next_step: render([{ do: 'fetch', because: 'nothing_asked' }]),
      };
    case 'authenticated': {
      const { credential } = outcome;
      const issuer = credential.session?.grant?.issuer;
      const memoryOnly = access.memoryOnly();
      return {
        status: 'authenticated',
        ...nothing,
        resource: credential.resource,
        method: credential.method,
        expires_at: instant(credential.expiresAt),
        authorization_server: issuer ?? null,
        next_step: render([
          {
            do: 'fetch',
            ...(issuer === undefined ? {} : { signedInAt: issuer }),
            ...(memoryOnly ? { inMemoryBecause: memoryOnly } : {}),
          },
        ]),
      };
    }
    case 'pending': {
      const { signIn, shown } = outcome;
      const { authorizationUrl, userCode, verificationUri } = signIn;
      return {
        status: 'pending',
        ...nothing,
        resource: signIn.resource,
        method: signIn.method,
        expires_at: instant(signIn.expiresAt),
        authorization_url: authorizationUrl ?? null,
        user_code: userCode ?? null,
        verification_uri: verificationUri ?? null,
        next_step: render([finishSignIn(signIn, { opened: shown, join: url.href })]),
      };
    }
  }
}
