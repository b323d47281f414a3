/**
 * What an administrator lets the agent request: only certain hosts, or only safe methods. Checked before
 * every request to an application, including each hop of a redirect. The servers that a sign-in involves
 * (a team, an authorization server) are exempt: the agent does not choose them.
 */
import { type HostPattern, matchesHost } from '../cloudflare/host-pattern.ts';
import { AccessError } from '../errors.ts';
import { type HopRequest, isSafeMethod, redirectRefused } from '../http/next-hop.ts';
import type { NextStep } from '../next-step.ts';

export interface Limits {
  /** Only GET, HEAD and OPTIONS are sent. */
  readonly readOnly: boolean;
  /** Absent: every host. */
  readonly allowedHosts?: readonly HostPattern[];
}

export function isAllowedHost({ allowedHosts }: Limits, url: URL): boolean {
  return allowedHosts === undefined || allowedHosts.some((each) => matchesHost(each, url));
}

/** Throws `access_denied`; `redirect_refused` where a redirect led there. */
export function checkUrl(limits: Limits, url: URL, redirectedFrom?: URL): void {
  if (isAllowedHost(limits, url)) return;
  const why = `${url.host} is not among the hosts that CF_ACCESS_ALLOWED_HOSTS allows`;
  const nextStep: NextStep = [{ do: 'respect_limit', variable: 'CF_ACCESS_ALLOWED_HOSTS' }];
  if (redirectedFrom) throw redirectRefused(redirectedFrom, `it leads on, and ${why}`, nextStep);
  throw new AccessError('access_denied', `Nothing was sent: ${why}.`, nextStep);
}

/** Throws what `checkUrl` throws, and `access_denied` for a method that may change something. */
export function checkRequest(limits: Limits, request: HopRequest): void {
  const { method, url, redirectedFrom, wire } = request;
  checkUrl(limits, url, redirectedFrom);
  // Once a connection has switched protocols, what goes through it can no longer be checked.
  if (!limits.readOnly || (isSafeMethod(method) && wire?.upgrade === undefined)) return;
  throw new AccessError(
    'access_denied',
    `${wire?.upgrade ?? method} was not sent to ${url.host}: only reading is allowed here (CF_ACCESS_READ_ONLY).`,
    [
      { do: 'correct_input', with: 'GET, HEAD or OPTIONS' },
      { when: 'otherwise', do: 'respect_limit', variable: 'CF_ACCESS_READ_ONLY' },
    ],
  );
}

/** Throws `access_denied`. What another program does with a token is beyond this server's control. */
export function checkTokenMayLeave(limits: Limits, url: URL): void {
  checkUrl(limits, url);
  if (!limits.readOnly) return;
  throw new AccessError(
    'access_denied',
    `No token for ${url.host} is given: only reading is allowed here (CF_ACCESS_READ_ONLY), and a token would let other programs write.`,
    [{ do: 'fetch' }, { when: 'otherwise', do: 'respect_limit', variable: 'CF_ACCESS_READ_ONLY' }],
  );
}
