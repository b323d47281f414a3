/**
 * One hop of a request: sent with the credential of its own resource or none, and once more after a
 * challenge was met. Retry is decided here alone, by code, never by the words of an answer.
 */
import { refusalFor } from '../cloudflare/refusal.ts';
import type { HopAnswer } from '../http/hops.ts';
import type { HopRequest } from '../http/next-hop.ts';
import { discard } from '../http/peek.ts';
import { joinScopes } from '../oauth/scope.ts';
import { concealFailure, createConcealer } from '../secrets/concealer.ts';
import { credentialSecrets } from '../secrets/credential.ts';
import { type Held, heldSession } from '../session/held-credential.ts';
import type { Sessions } from '../session/sessions.ts';
import { isBareBearer, isFrom } from '../sign-in/target.ts';
import type { Credentials } from './credentials.ts';
import { type Asked, type Gate, hasAuthorization, probe } from './guarded-request.ts';
import { type Obtain, type ObtainOptions, tokenRejected } from './obtain.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Ways } from './ways.ts';

export type SendGuardedHop = (request: HopRequest, options: ObtainOptions) => Promise<HopAnswer>;

/** Step-up by `insufficient_scope` (RFC 6750 §3.1) stops after so many authorizations. */
const maxAuthorizations = 3;

export function createHop(parts: {
  readonly gate: Gate;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
  readonly ways: Ways;
  readonly obtain: Obtain;
}): SendGuardedHop {
  const { gate, credentials, sessions, serviceTokens, ways, obtain } = parts;

  const exchange = async (
    request: HopRequest,
    options: ObtainOptions,
    send: (held: Held | undefined) => Promise<Asked>,
  ): Promise<HopAnswer> => {
    const { url, signal } = request;
    let held = await credentials.held(url, 0, signal);
    let asked = await send(held);
    let reread = false;
    let renewed = false;
    let authorizations = 0;
    let signedIn = false;
    let doubted = false;
    for (;;) {
      if (held?.credential.kind === 'service_token') {
        const refusal = (await serviceTokens.judge(asked, signal)) ?? refusalFor(asked.guard, url);
        if (!refusal) return give(asked, held);
        discard(asked.answer);
        throw refusal;
      }
      if (isDoubtful(asked, held) && !doubted) {
        doubted = true;
        const stranger = await probe(gate, url, signal);
        const other = await obtain.silently(stranger, held, signal);
        if (other) {
          discard(asked.answer);
          held = other;
          asked = await send(held);
          continue;
        }
        if (asked.guard.protection === 'service_auth') asked = { ...asked, guard: stranger.guard };
      }
      if (!isChallenge(asked, held, request)) {
        const refusal = refusalFor(asked.guard, url, held !== undefined);
        if (!refusal) return give(asked, held);
        discard(asked.answer);
        throw refusal;
      }
      // Whether a bare Bearer challenge is one of ours only its metadata tells; if it is not, the
      // agent gets this very answer.
      if (asked.guard.protection === 'other' && !(await ways.target(asked, signal))) {
        return give(asked, held);
      }
      discard(asked.answer);
      const stepUp = insufficientScope(asked, held);
      const justSignedIn = signedIn && held?.session?.grant === undefined;
      if (held?.session && stepUp === undefined && !renewed && !justSignedIn) {
        // What another process has kept since may be refused as well, and is renewed then.
        const kept = reread ? undefined : await sessions.successor(held.session);
        reread = true;
        renewed = kept === undefined;
        const session = kept ?? (await sessions.renew(held.session, signal));
        if (session) {
          held = heldSession(session);
          asked = await send(held);
          continue;
        }
      } else if (held && held.method !== 'cloudflared' && stepUp === undefined) {
        // Refreshed or signed in just now, and refused all the same, unless another application
        // guards this part of the origin, or the resource has another authorization server by now.
        const target = await ways.target(asked, signal);
        if (!target || isFrom(held, target)) throw tokenRejected(url);
      }
      if (authorizations === maxAuthorizations) throw tokenRejected(url);
      authorizations += 1;
      const refused = held;
      if (refused?.method === 'cloudflared') credentials.forget(refused.resource);
      const obtained = await obtain.another(request, asked, refused, stepUp, options);
      held = obtained.held;
      signedIn = obtained.byPerson;
      asked = await send(held);
    }
  };

  return async (request, options) => {
    const sent = new Set<string>();
    try {
      return await exchange(request, options, (held) => {
        for (const secret of held ? credentialSecrets(held.credential) : []) sent.add(secret);
        const { url, headers, cookies } = request;
        const attached = cookies?.attach(url, headers, held?.identity ?? '') ?? headers;
        return gate({ ...request, headers: attached }, held?.credential);
      });
    } catch (error) {
      // A refusal quotes the answer, which may repeat what it was sent.
      throw concealFailure(error, createConcealer([...sent]));
    }
  };
}

function give({ answer }: Asked, held: Held | undefined): HopAnswer {
  return {
    ...answer,
    auth: held?.credential.kind ?? 'none',
    identity: held?.identity ?? '',
    secrets: held ? credentialSecrets(held.credential) : [],
  };
}

/** True when the answer is a guard's that a credential of ours could open. */
function isChallenge(asked: Asked, held: Held | undefined, request: HopRequest): boolean {
  switch (asked.guard.protection) {
    case 'managed_oauth':
    case 'oauth':
    case 'browser_login':
    case 'service_auth':
      return true;
    case 'other':
      // A Bearer challenge without metadata: ours if we sent a token, or if nobody sent one.
      return (
        isBareBearer(asked.guard, asked.challenges) &&
        (held?.credential.kind === 'oauth' || (!held && !hasAuthorization(request)))
      );
    case 'none':
    case 'denied':
      return false;
  }
}

/**
 * A 401 to an application's JWT, which may be Access's refusal or the origin's own answer
 * (cloudflare-access.md §5.6): another token is tried, but nobody is asked to sign in for it alone.
 */
function isDoubtful({ answer, guard }: Asked, held: Held | undefined): boolean {
  if (held?.credential.kind !== 'cf_access_token' || answer.status !== 401) return false;
  return (
    guard.protection === 'service_auth' || (guard.protection === 'other' && guard.how === 'status')
  );
}

/** The scope to ask for, when that is what the session lacks. */
function insufficientScope({ challenges }: Asked, held: Held | undefined): string | undefined {
  if (held?.session?.grant === undefined) return undefined;
  const bearer = challenges.find(
    ({ scheme, parameters }) =>
      scheme === 'bearer' && parameters.get('error') === 'insufficient_scope',
  );
  return bearer && joinScopes(held.session.grant.scope, bearer.parameters.get('scope'));
}
