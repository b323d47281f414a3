/**
 * Signing in to an application in the browser (cloudflare-access.md §1, §5.7): the application redirects
 * to the team's login, which redirects back to the application's `authorized` with a signed state, where
 * the application's cookie is set. The CF_AppSession cookie links the two redirects.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { forbiddenPerson } from '../application/challenge.ts';
import type { Application } from '../catalogue.ts';
import { type Answer, type Fields, redirect } from '../server/answer.ts';
import { accessCookie, cookieValues } from '../server/cookies.ts';
import { notice } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { loginPage, readLogin } from './login-page.ts';
import type { Organisation } from './organisation.ts';

export const loginPath = '/cdn-cgi/access/login/';
/** Where applications that use the team as their identity provider send the browser (§1). */
export const ssoPath = '/cdn-cgi/access/sso/';
export const authorizedPath = '/cdn-cgi/access/authorized';
/** The team's cookie has a path, so that applications on the same loopback name do not replace it. */
const teamCookiePath = '/cdn-cgi/access';
const meantimeSeconds = 300;

/** The redirect to the login page. */
export function toLogin(
  organisation: Organisation,
  application: Application,
  request: Received,
  headers: Fields,
  serviceTokenStatus: boolean,
): Answer {
  const session = randomBytes(16).toString('hex');
  const redirectUrl = request.url.pathname + request.url.search;
  const now = Math.floor(Date.now() / 1000);
  const meta = organisation.keys.sign({
    type: 'meta',
    aud: application.audience,
    hostname: application.url.host,
    redirect_url: redirectUrl,
    service_token_status: serviceTokenStatus,
    auth_status: 'NONE',
    app_session_hash: hash(session),
    iat: now,
    nbf: now,
    exp: now + meantimeSeconds,
  });
  const query = new URLSearchParams({
    kid: application.audience,
    meta,
    redirect_url: redirectUrl,
  });
  const location = `${loginPath}${application.url.host}?${query}`;
  const relative = application.name === 'browser-login-path-relative';
  return redirect(relative ? location : organisation.team.origin + location, {
    'set-cookie': accessCookie('CF_AppSession', session, '/', 86_400),
    ...headers,
  });
}

/**
 * `/cdn-cgi/access/login/H` at the team: lets a person who is signed in pass, else shows the login page.
 */
export function login(organisation: Organisation, request: Received): Answer {
  const query = request.url.searchParams;
  const domains = organisation.domainsByAudience(query.get('kid'));
  const host = request.url.pathname.slice(loginPath.length);
  const application = domains.find(({ url }) => url.host === host);
  const meta = organisation.keys.verify(query.get('meta') ?? '');
  const [sso] = domains;
  const isForSso = sso?.name === 'identity-provider' && host === organisation.team.host;
  if (isForSso) return loginForSso(organisation, sso, request);
  if (application === undefined || meta?.type !== 'meta' || meta.aud !== application.audience) {
    return notice(400, 'Unable to find your Access application', 'The login request is not valid.');
  }
  const proceed = (email: string, headers: Fields = {}) => {
    const state = organisation.keys.sign({
      type: 'authorized',
      aud: application.audience,
      email,
      hostname: host,
      app_session_hash: meta.app_session_hash,
      redirect_url: query.get('redirect_url') ?? '/',
      jti: randomUUID(),
      exp: Math.floor(Date.now() / 1000) + 60,
    });
    // Over all domains of the application, so that each has its cookie; the one that was asked is the last.
    const first = domains.find((one) => one !== application) ?? application;
    return redirect(authorizedAt(first, state), headers);
  };
  if (request.method === 'POST') {
    const answer = readLogin(request, organisation.people);
    if (answer === undefined) return notice(400, 'Not understood', 'The form named nobody.');
    if (answer === 'declined') return notice(403, 'Not signed in', 'You declined to sign in.');
    return proceed(answer.person, { 'set-cookie': teamCookie(organisation, answer.person) });
  }
  for (const jwt of cookieValues(request.headers.cookie, 'CF_Authorization')) {
    const email = organisation.readOrganisationJwt(jwt);
    if (email !== undefined) return proceed(email);
  }
  return loginPage({ application, people: organisation.people });
}

/** The same on the way to an application that uses the team as its identity provider. */
function loginForSso(
  organisation: Organisation,
  application: Application,
  request: Received,
): Answer {
  const { people, team } = organisation;
  const onward = request.url.searchParams.get('redirect_url') ?? '';
  if (!onward.startsWith(ssoPath)) {
    return notice(400, 'Unable to find your Access application', 'The login request is not valid.');
  }
  if (request.method !== 'POST') return loginPage({ application, people });
  const answer = readLogin(request, people);
  if (answer === undefined) return notice(400, 'Not understood', 'The form named nobody.');
  if (answer === 'declined') return notice(403, 'Not signed in', 'You declined to sign in.');
  return redirect(team.origin + onward, { 'set-cookie': teamCookie(organisation, answer.person) });
}

/** `/cdn-cgi/access/authorized` at the application. */
export function authorized(
  organisation: Organisation,
  application: Application,
  request: Received,
): Answer {
  const signed = request.url.searchParams.get('state') ?? '';
  const state = organisation.keys.verify(signed);
  const sessions = cookieValues(request.headers.cookie, 'CF_AppSession');
  if (
    state?.type !== 'authorized' ||
    state.aud !== application.audience ||
    typeof state.email !== 'string' ||
    (state.hostname === application.url.host &&
      !sessions.some((session) => hash(session) === state.app_session_hash))
  ) {
    return notice(400, 'Invalid login session', 'Open the application again to sign in.');
  }
  const admitted = application.name !== 'denied' && organisation.admits(state.email);
  if (!admitted) return forbiddenPerson(application);
  const jwt = organisation.personJwt(application, state.email);
  const seconds = organisation.settings.applicationSessionSeconds;
  const domains = organisation
    .domainsByAudience(state.aud)
    .filter(({ url }) => url.host === state.hostname);
  const [asked] = domains;
  const isAsked = asked === undefined || asked === application;
  return redirect(isAsked ? within(application, state.redirect_url) : authorizedAt(asked, signed), {
    'set-cookie': accessCookie('CF_Authorization', jwt, '/', seconds),
  });
}

function authorizedAt({ url }: Application, state: string): URL {
  const location = new URL(authorizedPath, url);
  location.search = new URLSearchParams({ state }).toString();
  return location;
}

export function teamCookie(organisation: Organisation, email: string): string {
  const seconds = organisation.settings.organisationSessionSeconds;
  const jwt = organisation.organisationJwt(email);
  return accessCookie('CF_Authorization', jwt, teamCookiePath, seconds);
}

/** Signs out at the team. */
export function logout(): Answer {
  return notice(200, 'Signed out', 'The team no longer remembers you.', {
    'set-cookie': accessCookie('CF_Authorization', '', teamCookiePath, -1),
  });
}

/** The redirect URL if it is on the application's origin, else the application's root. */
function within(application: Application, redirectUrl: unknown): URL {
  const path = String(redirectUrl);
  const url = URL.canParse(path, application.url.href) ? new URL(path, application.url) : undefined;
  return url?.origin === application.url.origin ? url : application.url;
}

function hash(session: string): string {
  return createHash('sha256').update(session).digest('hex');
}
