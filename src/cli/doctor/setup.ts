/**
 * What an administrator may have set up otherwise than it was meant, as far as it shows without
 * registering anything and without signing anybody in.
 */
import type { Detection } from '../../access/detect.ts';
import {
  createGuardedSend,
  type GuardedAnswer,
  type GuardedSend,
  probe,
} from '../../access/exchange/guarded-request.ts';
import { accessErrorNumber } from '../../cloudflare/error-page.ts';
import { asksAsAccess } from '../../cloudflare/protection.ts';
import { isAccessError } from '../../errors.ts';
import { coversUrl } from '../../oauth/resource-scope.ts';
import { atPath } from '../../secure-url.ts';
import { cleanServerText, quoteServerText } from '../../server-text.ts';
import type { AskPerson } from '../../sign-in/waiting.ts';
import type { Walk } from './authorization.ts';
import { type Finding, fail, failure, ok, skip, warn } from './finding.ts';

/** For a login page: the application could do more for agents. */
export function managedOAuthOff({ guard }: GuardedAnswer): Finding[] {
  if (guard.protection !== 'browser_login') return [];
  return [
    warn(
      'Managed OAuth',
      'off for this application: people sign in by browser transfer, and again when that ends',
      'It works. To have sign-ins renewed by themselves, an administrator turns on Managed OAuth in the application’s advanced settings.',
    ),
  ];
}

/** What the application covers, where that is a part of the host alone. */
export function checkCoverage({ url }: Walk, { applicationDomain }: Detection): Finding[] {
  const name = 'Application';
  const domain = cleanServerText(applicationDomain ?? '');
  const slash = domain.indexOf('/');
  const path = slash < 0 ? '' : domain.slice(slash).replace(/\/?\*?$/, '');
  if (path === '') return [];
  const isItsOwn = path.includes('*') || coversUrl(url.origin + path, url);
  return [
    isItsOwn
      ? ok(name, `covers ${quoteServerText(domain)} alone, not the rest of the host`)
      : warn(
          name,
          `says that it covers ${quoteServerText(domain)}, which this URL is not part of`,
          'Check the URL; or have an administrator give the application the path that is meant.',
        ),
  ];
}

/** For a URL that asks for nothing: what else of its host is guarded. */
export async function checkUncovered({ url, rooms, signal }: Walk): Promise<Finding[]> {
  const name = 'Application';
  const others = (await rooms.access.sessions.list())
    .map(({ resource }) => resource)
    .filter((resource) => new URL(resource).origin === url.origin && !coversUrl(resource, url));
  if (others.length > 0) {
    return [
      warn(
        name,
        `none covers this path; there is a session for ${others.join(', ')}`,
        'If this path is meant to be guarded too, an administrator adds it to the application, or widens its path.',
      ),
    ];
  }
  if (url.pathname === '/') return [];
  const root = atPath(url, '/');
  try {
    const guardedSend = createGuardedSend(rooms.send, rooms.access.userAgents);
    const { guard } = await probe(guardedSend, root, signal);
    if (!asksAsAccess(guard) && guard.protection !== 'denied') return [];
    return [
      warn(
        name,
        `none asks for anything here, although one guards ${root.href}`,
        'If this path is meant to be guarded too, an administrator looks for an application of its own, or a Bypass policy, that takes it out.',
      ),
    ];
  } catch (error) {
    if (!isAccessError(error) || error.code === 'cancelled') throw error;
    return [];
  }
}

/** Where a firewall refuses this program and lets the name through that the person has given. */
export async function askByName(
  { url, signal, userAgent }: Walk,
  refused: GuardedAnswer,
  guardedSend: GuardedSend,
): Promise<{ asked: GuardedAnswer; finding: Finding } | undefined> {
  if (userAgent === undefined || !isByFirewall(refused)) return undefined;
  const asked = await probe(guardedSend, url, signal, undefined, [['user-agent', userAgent]]);
  if (isByFirewall(asked)) return undefined;
  return {
    asked,
    finding: warn(
      'Firewall',
      'refuses this program by its own name and lets the one of --user-agent through, under which the rest is asked',
      'Give requests that User-Agent (access_fetch in headers, fetch with -A); or an administrator of the zone lets cloudflare-access-mcp through as well.',
    ),
  };
}

function isByFirewall({ guard }: GuardedAnswer): boolean {
  return guard.protection === 'other' && guard.how.startsWith('cloudflare_');
}

/** What stands before Access, and lets nobody through to it. */
export function checkFirewall(asked: GuardedAnswer): Finding | undefined {
  const { guard, evidence } = asked;
  if (guard.protection !== 'other') return undefined;
  const name = 'Firewall';
  const allowed =
    'An administrator of the zone lets requests of the user agent cloudflare-access-mcp through there (a rule that skips it for this host)';
  switch (guard.how) {
    case 'cloudflare_block': {
      const number = accessErrorNumber(evidence.status, evidence.bodyStart);
      return fail(
        name,
        `Cloudflare refuses this program before Access is asked (error ${number})`,
        number === 1010
          ? `${allowed}. Or give doctor, login and fetch a name with -A that is let through there already.`
          : `${allowed}; nothing can be done here.`,
      );
    }
    case 'cloudflare_challenge':
      return fail(
        name,
        'Cloudflare wants a browser to solve a challenge (Bot Fight Mode or a rule) before Access is asked',
        `${allowed}; nothing can be done here.`,
      );
    case 'proxy':
      return fail(
        name,
        'a proxy on the way asks for a password',
        'Put its user and password into HTTPS_PROXY, or name the host in NO_PROXY.',
      );
    default:
      return undefined;
  }
}

/** Sends the service token, once, where the person lets it go and Access asks. */
export async function tryServiceToken(walk: Walk, { serviceToken }: Detection): Promise<Finding> {
  const name = 'Service token';
  const { url, rooms, signal } = walk;
  switch (serviceToken) {
    case 'not_configured':
      return skip(name, 'none is configured');
    case 'host_not_allowed':
      return warn(
        name,
        'one is configured, and is never sent here: CF_ACCESS_HOSTS does not name this host',
        `If it is meant to get in here, add ${url.host} to CF_ACCESS_HOSTS.`,
      );
    case 'ready':
      try {
        const options = { method: 'service_token', force: false, waitMs: 0, signal } as const;
        const result = await rooms.access.authenticate(url, { ...options, askPerson: nobody });
        return result.status === 'authenticated'
          ? ok(name, 'was sent, and is let in')
          : skip(name, 'would be sent, but nothing asks for it');
      } catch (error) {
        if (!isAccessError(error) || error.code === 'cancelled') throw error;
        return failure(name, error, walk);
      }
  }
}

/** A service token needs nobody. */
const nobody: AskPerson = async () => 'unavailable';
