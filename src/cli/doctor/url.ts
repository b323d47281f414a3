/**
 * Checks one URL step by step up to the token, as a fetch would, but without a credential and without
 * signing anybody in. It stops at a step that the next ones depend on and that failed.
 */

import type { Detection } from '../../access/detect.ts';
import {
  createGuardedSend,
  type GuardedAnswer,
  probe,
} from '../../access/exchange/guarded-request.ts';
import { asksAsAccess, type Guard } from '../../cloudflare/protection.ts';
import { refusalFor } from '../../cloudflare/refusal.ts';
import { isAccessError } from '../../errors.ts';
import type { Fields } from '../../http/fields.ts';
import { quoteServerText } from '../../server-text.ts';
import type { Session } from '../../session/records.ts';
import { loginCommand } from '../terminal/command-lines.ts';
import { whenFrom } from '../terminal/durations.ts';
import { checkAuthorization, type Walk } from './authorization.ts';
import { type Finding, fail, failure, ok, skip, warn } from './finding.ts';
import {
  askByName,
  checkCoverage,
  checkFirewall,
  checkUncovered,
  managedOAuthOff,
  tryServiceToken,
} from './setup.ts';

export async function checkUrl(walk: Walk): Promise<Finding[]> {
  const { url, rooms, signal } = walk;
  const guardedSend = createGuardedSend(rooms.send, rooms.access.userAgents);
  const findings: Finding[] = [];
  const startedAt = performance.now();
  let asked: GuardedAnswer;
  try {
    asked = await probe(guardedSend, url, signal);
  } catch (error) {
    if (!isAccessError(error)) throw error;
    return [failure(error.code === 'tls_untrusted' ? 'TLS' : 'Network', error, walk)];
  }
  const ms = Math.round(performance.now() - startedAt);
  findings.push(ok('Network', `${url.host} answered ${asked.response.status} after ${ms} ms`));
  const time = clock(asked.response.headers, rooms.clock.now());
  findings.push(
    url.protocol === 'https:'
      ? ok('TLS', 'the certificate is trusted')
      : skip('TLS', 'not used: the URL is on this machine'),
    time,
  );
  const byName = await askByName(walk, asked, guardedSend);
  if (byName) {
    asked = byName.asked;
    findings.push(byName.finding);
  }
  const refusal = refusalFor(asked.guard, url);
  if (refusal) return [...findings, failure('Guard', refusal, walk)];
  const { protection } = asked.guard;
  if (protection === 'none') {
    findings.push(ok('Guard', 'none: the URL needs no credential'));
    return [...findings, ...(await checkUncovered(walk))];
  }
  const firewall = checkFirewall(asked);
  if (firewall) return [...findings, firewall];
  findings.push(ok('Guard', guardWords[protection]), ...managedOAuthOff(asked));
  findings.push(...(await checkAuthorization(walk, asked)));
  const found = await rooms.access.detect(url, signal);
  if (time.state === 'fail') {
    findings.push(skip('Team', 'cannot be proven while the clock is wrong'));
  } else if (found.teamVerified)
    findings.push(ok('Team', `${found.teamDomain}, proven by a signed answer`));
  else if (found.teamDomain !== undefined) {
    findings.push(
      warn(
        'Team',
        `${quoteServerText(found.teamDomain)}, only claimed by the host`,
        'Sign-ins are still bound to the host; a service token is sent only if the host is in CF_ACCESS_HOSTS.',
      ),
    );
  }
  findings.push(...checkCoverage(walk, found));
  if (protection !== 'service_auth') {
    findings.push(
      ...(isLeftAlone(walk, found)
        ? [nobodyThere(walk, found)]
        : sessionFindings(walk, await rooms.access.sessions.find(url))),
    );
  }
  if (protection === 'denied' && found.obstacle)
    findings.push(failure('Sign-in', found.obstacle, walk));
  findings.push(await serviceToken(walk, found, asked.guard));
  return findings;
}

const guardWords = {
  managed_oauth: 'Managed OAuth: people sign in once, in a browser',
  oauth: 'OAuth that is not Cloudflare’s (RFC 9728)',
  browser_login: 'Access’s login page: people sign in by browser transfer',
  service_auth: 'only service tokens are allowed',
  denied: 'Access refuses whoever sends nothing (Cf-Access-Error); a credential may still get in',
  other: 'protected in another way, perhaps not by Access',
} as const;

/**
 * If the clock is off by more than five minutes, signed answers are no longer accepted. Smaller errors
 * already make tokens expire too early or too late.
 */
function clock(headers: Fields, now: number): Finding {
  const date = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(date)) return skip('Clock', 'the server sent no Date');
  const seconds = Math.round((now - date) / 1000);
  const text = `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the server’s`;
  const advice = 'Set this machine’s clock, preferably with NTP.';
  if (Math.abs(seconds) <= 30) return ok('Clock', 'agrees with the server’s');
  return Math.abs(seconds) <= 300 ? warn('Clock', text, advice) : fail('Clock', text, advice);
}

function sessionFindings({ url, rooms, config }: Walk, session: Session | undefined): Finding[] {
  const { clock, access } = rooms;
  const login = loginTo(url);
  if (session === undefined) {
    return [
      skip(
        'Session',
        config.headless ? 'none, and headless: nobody is asked' : `none; to sign in: ${login}`,
      ),
    ];
  }
  const { expiresAt, grant, resource } = session;
  const refreshable = grant?.refreshToken !== undefined;
  const when = expiresAt === undefined ? 'until it is refused' : whenFrom(clock.now(), expiresAt);
  const fresh = access.sessions.isFresh(session);
  const findings = [
    fresh || refreshable
      ? ok('Session', `${resource}, its token ${fresh ? 'expires' : 'expired'} ${when}`)
      : warn('Session', `${resource}, expired ${when}`, `Sign in again: ${login}`),
  ];
  if (refreshable) findings.push(ok('Refresh', 'possible: there is a refresh token'));
  else if (fresh)
    findings.push(skip('Refresh', 'not possible: somebody has to sign in again when it expires'));
  return findings;
}

/** Headless, and there is neither a session nor a service token that would be accepted. */
function isLeftAlone({ config }: Walk, { protection, session, serviceToken }: Detection): boolean {
  const takesServiceToken = protection === 'managed_oauth' || protection === 'browser_login';
  if (!config.headless || session.state === 'active') return false;
  return protection === 'oauth' || (takesServiceToken && serviceToken !== 'ready');
}

function nobodyThere({ url }: Walk, { protection, serviceToken }: Detection): Finding {
  const login = `${loginTo(url)} with CF_ACCESS_HEADLESS=0`;
  const otherwise =
    serviceToken === 'not_configured'
      ? `set CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS=${url.host}`
      : `add ${url.host} to CF_ACCESS_HOSTS`;
  return fail(
    'Session',
    'none, no service token for it, and headless: nobody is asked to sign in',
    protection === 'oauth'
      ? `Run ${login}; a service token is not accepted here.`
      : `Run ${login}, or ${otherwise}.`,
  );
}

function loginTo(url: URL): string {
  return loginCommand(url.origin + url.pathname);
}

async function serviceToken(walk: Walk, found: Detection, guard: Guard): Promise<Finding> {
  const name = 'Service token';
  const { serviceToken: state } = found;
  // Nobody but Access is ever sent one.
  if (!asksAsAccess(guard)) return skip(name, 'is of no use here: it is not Access that asks');
  if (guard.protection !== 'service_auth' || state === 'ready') return tryServiceToken(walk, found);
  return fail(
    name,
    state === 'not_configured' ? 'none is configured' : 'none may be sent to this host',
    state === 'not_configured'
      ? 'Set CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS: people cannot sign in here.'
      : 'Add the host to CF_ACCESS_HOSTS.',
  );
}
