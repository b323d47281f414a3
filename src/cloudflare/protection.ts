/**
 * What an answer to an unauthenticated request means: every way in which Access guards an application, and
 * what only looks like one. Nothing here is signed, so what an answer says about its team or application
 * is merely the host's claim: it may be shown, but must never decide where a credential is sent.
 */
import type { Fields } from '../http/fields.ts';
import { accessErrorNumber } from './error-page.ts';
import { type LoginRedirect, tellLoginRedirect } from './login-redirect.ts';
import { isAccessTeamHost } from './team.ts';

/** A challenge (RFC 9110 §11.6.1), with scheme and parameter names in lower case. */
export interface ChallengeLike {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface UnauthenticatedAnswer {
  /** The requested URL. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Fields;
  /** At most the first 16 KiB of the body, as text; may be empty. */
  readonly bodyStart: string;
  readonly challenges: readonly ChallengeLike[];
}

/** What the answer claims, unsigned. */
export interface UnsignedClaims {
  readonly teamDomain?: string;
  /** The application's audience tag: 64 hex digits. */
  readonly audience?: string;
  /** `cf-access-domain`: the application's host, with its path if it guards only that. */
  readonly applicationDomain?: string;
}

export type Guard =
  /** A Bearer challenge by Access. Its resource metadata decides whether a person can sign in. */
  | {
      readonly protection: 'managed_oauth';
      readonly claims: UnsignedClaims;
      readonly resourceMetadata: string;
    }
  /** A Bearer challenge of RFC 9728 that is not Access's; the URL is verbatim and not yet checked. */
  | {
      readonly protection: 'oauth';
      readonly claims: UnsignedClaims;
      readonly resourceMetadata: string;
    }
  | {
      readonly protection: 'browser_login';
      readonly claims: UnsignedClaims;
      /** Present even when Managed OAuth is off, so it does not mean that OAuth is possible. */
      readonly resourceMetadata?: string;
      /** Access's login page; absent when the answer was a 401 (XMLHttpRequest). */
      readonly loginUrl?: URL;
    }
  | { readonly protection: 'service_auth'; readonly claims: UnsignedClaims }
  | {
      readonly protection: 'denied';
      readonly claims: UnsignedClaims;
      /**
       * `policy`: a `Cf-Access-Error` header, which is a verdict on the credential that was sent, and
       * where none was sent only a guard's no. `no_application`: error 1043.
       */
      readonly reason: 'policy' | 'no_application';
      /** The server's words, as they came; absent where the header holds none, such as `1`. */
      readonly words?: string;
    }
  | {
      readonly protection: 'other';
      readonly claims: UnsignedClaims;
      readonly how:
        | 'challenge'
        | 'status'
        | 'login_redirect'
        /** The application signs people in itself, with Access as its identity provider. */
        | 'identity_provider'
        | 'proxy'
        | 'cloudflare_challenge'
        | 'cloudflare_block';
      /** The challenge's scheme, for `how: 'challenge'` and `'proxy'`. */
      readonly scheme?: string;
    }
  | {
      readonly protection: 'none';
      readonly claims: UnsignedClaims;
      /** Error 1033: Cloudflare has no connection to the origin. */
      readonly trouble?: 'tunnel_down';
    };

export type Protection = Guard['protection'];

/** Whether Access demands a credential; a service token is never sent to anything else. */
export function asksAsAccess(guard: Guard): boolean {
  const { protection } = guard;
  return (
    protection === 'managed_oauth' ||
    protection === 'browser_login' ||
    protection === 'service_auth' ||
    (protection === 'denied' && guard.reason === 'policy')
  );
}

const accessMetadataPath = '/.well-known/cloudflare-access-protected-resource';

/** How `answer.url` is guarded, judged by this answer only. Never throws. */
export function tellGuard(answer: UnauthenticatedAnswer): Guard {
  const { url, status, headers, challenges } = answer;
  const login = tellLoginRedirect(url, status, headers.get('location'));
  const claims = claimsOf(url, headers, login);
  const asks = status === 401 || status === 403;
  const accessError = headers.get('cf-access-error');

  if (status >= 400 && accessError !== null) {
    return {
      protection: 'denied',
      claims,
      reason: 'policy',
      ...(/\p{L}{2}/u.test(accessError) ? { words: accessError } : {}),
    };
  }
  const errorNumber = accessErrorNumber(status, answer.bodyStart);
  if (errorNumber === 1043) return { protection: 'denied', claims, reason: 'no_application' };
  if (errorNumber === 1033) return { protection: 'none', claims, trouble: 'tunnel_down' };

  if (asks || login?.byAccess) {
    const urls = resourceMetadataUrls(challenges, 'bearer');
    const own = urls.find((text) => isAccessMetadata(text, url));
    if (own !== undefined) return { protection: 'managed_oauth', claims, resourceMetadata: own };
    if (asks && urls[0] !== undefined)
      return { protection: 'oauth', claims, resourceMetadata: urls[0] };
  }
  const [listed] = resourceMetadataUrls(challenges, 'cloudflare-access');
  const metadata = listed === undefined ? {} : { resourceMetadata: listed };
  if (login?.byAccess)
    return { protection: 'browser_login', claims, ...metadata, loginUrl: login.url };
  // With X-Requested-With: XMLHttpRequest, Access answers 401 instead of the redirect.
  if (status === 401 && challenges.some(({ scheme }) => scheme === 'cloudflare-access')) {
    return { protection: 'browser_login', claims, ...metadata };
  }
  if (asks && (headers.has('cf-access-aud') || headers.has('cf-access-domain'))) {
    return { protection: 'service_auth', claims };
  }
  return tellOther(answer, claims, login, errorNumber);
}

function tellOther(
  { status, headers, challenges }: UnauthenticatedAnswer,
  claims: UnsignedClaims,
  login: LoginRedirect | undefined,
  errorNumber: number | undefined,
): Guard {
  const scheme = challenges[0] === undefined ? {} : { scheme: challenges[0].scheme };
  if (headers.get('cf-mitigated')?.toLowerCase() === 'challenge') {
    return { protection: 'other', claims, how: 'cloudflare_challenge' };
  }
  if (status === 407) return { protection: 'other', claims, how: 'proxy', ...scheme };
  if (status === 403 && errorNumber !== undefined) {
    return { protection: 'other', claims, how: 'cloudflare_block' };
  }
  if (status === 401 && challenges.length > 0)
    return { protection: 'other', claims, how: 'challenge', ...scheme };
  if (status === 401 || status === 403) return { protection: 'other', claims, how: 'status' };
  if (login?.asIdentityProvider) return { protection: 'other', claims, how: 'identity_provider' };
  if (login) return { protection: 'other', claims, how: 'login_redirect' };
  return { protection: 'none', claims };
}

function resourceMetadataUrls(challenges: readonly ChallengeLike[], scheme: string): string[] {
  return challenges
    .filter((challenge) => challenge.scheme === scheme)
    .map(({ parameters }) => parameters.get('resource_metadata'))
    .filter((text) => text !== undefined);
}

/** True for Access's own well-known path on the requested origin; no other origin can speak for it. */
function isAccessMetadata(text: string, asked: URL): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, pathname, username, password } = new URL(text);
  if (origin !== asked.origin || username || password) return false;
  return pathname === accessMetadataPath || pathname.startsWith(`${accessMetadataPath}/`);
}

function claimsOf(asked: URL, headers: Fields, login: LoginRedirect | undefined): UnsignedClaims {
  const given = headers.get('cf-access-domain')?.trim();
  // Hosts are case-insensitive, paths are not.
  const domain = given?.replace(/^[^/]*/, (host) => host.toLowerCase()) ?? '';
  // cloudflared reads the application's domain from this field; some answers are said to contain the
  // team's domain.
  const namesTeam = isAccessTeamHost(domain) && domain !== asked.host;
  const teamDomain = login?.teamDomain ?? (namesTeam ? domain : undefined);
  const audience = [headers.get('cf-access-aud'), login?.audience].find(isAudience);
  return {
    ...(teamDomain ? { teamDomain } : {}),
    ...(audience ? { audience: audience.toLowerCase() } : {}),
    ...(domain && !namesTeam && /^[\w.:[\]*/~%-]{1,253}$/.test(domain)
      ? { applicationDomain: domain }
      : {}),
  };
}

function isAudience(text: string | null | undefined): text is string {
  return text != null && /^[0-9a-f]{64}$/i.test(text);
}
