/**
 * One guard per kind of policy, from a request to a decision. A guard has no side effects; a JWT or cookie
 * is made only when the decision is carried out.
 */

import type { Application, ApplicationName } from '../catalogue.ts';
import type { Grants } from '../oauth/grants.ts';
import type { Answer } from '../server/answer.ts';
import { accessCookie, cookieValues } from '../server/cookies.ts';
import type { Received } from '../server/received.ts';
import { toLogin } from '../team/login.ts';
import type { Identity, Organisation } from '../team/organisation.ts';
import { judgeServiceToken, type ServiceTokenVerdict } from '../team/service-tokens.ts';
import {
  accessChallenge,
  bearerChallenge,
  forbiddenPerson,
  forbiddenService,
  noApplication,
  tunnelDown,
  unauthorizedPage,
} from './challenge.ts';
import type { OidcApplication } from './oidc-application.ts';

export type Decision =
  | { readonly admit: () => { identity?: Identity; setCookie?: string } }
  | { readonly refuse: () => Answer; readonly what: 'challenge' | 'refused' };

export interface Visit {
  readonly organisation: Organisation;
  readonly grants: Grants;
  readonly oidc: OidcApplication;
  readonly application: Application;
  readonly request: Received;
}

type Guard = (visit: Visit) => Decision;

const managedOAuth: Guard = (visit) => {
  const { organisation, grants, application, request } = visit;
  const accessToken = bearerToken(request);
  const email = accessToken && grants.personOf(accessToken, application);
  if (email) {
    return {
      admit: () => ({
        identity: { kind: 'person', email, jwt: organisation.personJwt(application, email) },
      }),
    };
  }
  const verdict = judgeServiceToken(organisation.serviceTokens, request.headers);
  if (verdict.is === 'allowed') return admitService(visit, verdict.clientId, 'cookie');
  const known = organisation.settings.jwtOpensManagedOAuth ? byJwt(visit) : undefined;
  if (known !== undefined) return known;
  if (looksLikeBrowser(request)) return askToLogIn(visit, verdict);
  return {
    refuse: () => bearerChallenge(application, organisation.settings, request),
    what: 'challenge',
  };
};

/** Only an Allow policy: a service token has no effect. */
const browserLogin: Guard = (visit) => {
  const verdict = judgeServiceToken(visit.organisation.serviceTokens, visit.request.headers);
  return byJwt(visit) ?? askToLogIn(visit, verdict);
};

/** Only Service Auth policies: even a JWT that Access issued for a service token is refused. */
const serviceAuth =
  (status: 401 | 403): Guard =>
  (visit) => {
    const verdict = judgeServiceToken(visit.organisation.serviceTokens, visit.request.headers);
    if (verdict.is === 'allowed') return admitService(visit, verdict.clientId, 'cookie');
    return refuseService(status, visit);
  };

/**
 * Says no to a stranger without a way to sign in, and yet lets in whom its policies admit. Nobody knows
 * what makes the real one answer so; Cloudflare's page for agents calls it a sign of a protected
 * application.
 */
const deniedOrLogin: Guard = (visit) => {
  const verdict = judgeServiceToken(visit.organisation.serviceTokens, visit.request.headers);
  if (verdict.is === 'allowed') return admitService(visit, verdict.clientId, 'cookie');
  return byJwt(visit) ?? refusePerson(visit);
};

const serviceAuthOrLogin: Guard = (visit) => {
  const verdict = judgeServiceToken(visit.organisation.serviceTokens, visit.request.headers);
  if (verdict.is === 'allowed') return admitService(visit, verdict.clientId, 'cookie');
  return byJwt(visit) ?? askToLogIn(visit, verdict);
};

/**
 * A strict organisation (§4): only the service token decides, no cookie is set, and an earlier one from a
 * service token is ignored. `withoutPair` decides when no service token was sent.
 */
const strict =
  (withoutPair: Guard): Guard =>
  (visit) => {
    const verdict = judgeServiceToken(visit.organisation.serviceTokens, visit.request.headers);
    switch (verdict.is) {
      case 'none':
        return withoutPair(visit);
      case 'allowed':
        return admitService(visit, verdict.clientId, 'no cookie');
      case 'not_allowed':
        return refuseService(403, visit);
      default:
        return refuseService(401, visit);
    }
  };

/** The application's own guard, not Access's. */
const identityProvider: Guard = ({ oidc, application, request }) =>
  oidc.admits(request)
    ? { admit: () => ({}) }
    : { refuse: () => oidc.signIn(application, request), what: 'challenge' };

export const guardOf: Readonly<Record<ApplicationName, Guard>> = {
  'managed-oauth': managedOAuth,
  'managed-oauth-path': managedOAuth,
  'browser-login': browserLogin,
  'browser-login-second': browserLogin,
  'browser-login-path-relative': browserLogin,
  'browser-login-wildcard': browserLogin,
  'browser-login-partial-wildcard': browserLogin,
  'browser-login-two-domains': browserLogin,
  'browser-login-two-domains-other': browserLogin,
  'browser-login-preview': browserLogin,
  'service-auth': serviceAuth(403),
  'service-auth-401': serviceAuth(401),
  'service-auth-or-login': serviceAuthOrLogin,
  denied: refusePerson,
  'denied-or-login': deniedOrLogin,
  bypass: () => ({ admit: () => ({}) }),
  'no-application': () => ({ refuse: noApplication, what: 'refused' }),
  'tunnel-down': () => ({ refuse: tunnelDown, what: 'refused' }),
  'identity-provider': identityProvider,
  'strict-service-auth': strict(serviceAuth(403)),
  'strict-service-auth-or-login': strict(browserLogin),
};

/** The applications where a person can log in, be they let in afterwards or not. */
export function hasLogin(name: ApplicationName): boolean {
  return name.includes('login') || name.startsWith('managed-oauth') || name === 'denied';
}

function bearerToken(request: Received): string | undefined {
  return /^Bearer +(oauth:\S+)$/i.exec(String(request.headers.authorization ?? ''))?.[1];
}

function byJwt(visit: Visit): Decision | undefined {
  const { organisation, application, request } = visit;
  const identity = presentedJwts(request)
    .map((jwt) => organisation.readApplicationJwt(application, jwt))
    .find((one) => one !== undefined);
  if (identity === undefined) return undefined;
  if (identity.kind === 'person' && !organisation.admits(identity.email)) {
    return refusePerson(visit);
  }
  return { admit: () => ({ identity }) };
}

function presentedJwts(request: Received): string[] {
  const header = request.headers['cf-access-token'];
  return [
    ...(header === undefined ? [] : [header].flat()),
    ...cookieValues(request.headers.cookie, 'CF_Authorization'),
  ];
}

function askToLogIn(visit: Visit, verdict: ServiceTokenVerdict): Decision {
  const { organisation, application, request } = visit;
  const scripted = String(request.headers['x-requested-with'] ?? '') === 'XMLHttpRequest';
  return {
    refuse: () =>
      scripted
        ? unauthorizedPage(application, request)
        : toLogin(
            organisation,
            application,
            request,
            { 'www-authenticate': accessChallenge(application, request) },
            verdict.is === 'allowed' || verdict.is === 'not_allowed',
          ),
    what: 'challenge',
  };
}

function admitService(visit: Visit, clientId: string, cookie: 'cookie' | 'no cookie'): Decision {
  const { organisation, application } = visit;
  return {
    admit: () => {
      const jwt = organisation.serviceJwt(application, clientId);
      const identity = { kind: 'service', clientId, jwt } as const;
      if (cookie === 'no cookie') return { identity };
      const seconds = organisation.settings.applicationSessionSeconds;
      return { identity, setCookie: accessCookie('CF_Authorization', jwt, '/', seconds) };
    },
  };
}

function refusePerson({ application }: Visit): Decision {
  return { refuse: () => forbiddenPerson(application), what: 'refused' };
}

function refuseService(status: 401 | 403, { application, request }: Visit): Decision {
  return { refuse: () => forbiddenService(status, application, request), what: 'refused' };
}

/**
 * Access sends clients that look like a browser to the login page, whatever the application's settings.
 */
function looksLikeBrowser({ headers }: Received): boolean {
  if (headers['sec-fetch-mode'] === 'navigate') return true;
  const accept = String(headers.accept ?? '');
  return accept.includes('text/html') && /^Mozilla\//.test(String(headers['user-agent'] ?? ''));
}
