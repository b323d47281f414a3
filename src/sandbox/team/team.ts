/** The team domain: its authorization server, its login page and its keys, by path. */

import { type AuthorizationServer, authorize } from '../oauth/authorization.ts';
import { authorizeDevice, type DeviceRequests, verifyDevice } from '../oauth/device.ts';
import { serverMetadata } from '../oauth/metadata.ts';
import { register } from '../oauth/registration.ts';
import { revoke, token } from '../oauth/token.ts';
import { type Answer, json, methodNotAllowed, type Plan, text } from '../server/answer.ts';
import { notice } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { login, loginPath, logout, ssoPath } from './login.ts';
import { fromElsewhere } from './login-page.ts';
import type { OidcProvider } from './oidc-provider.ts';

const oauthPath = '/cdn-cgi/access/oauth';

export function visitTeam(
  server: AuthorizationServer,
  devices: DeviceRequests,
  oidc: OidcProvider,
  request: Received,
): Plan {
  const { organisation, clients } = server;
  const { settings, team } = organisation;
  const { pathname } = request.url;
  const get = (what: string, work: () => Answer) => only(['GET', 'HEAD'], request, what, work);
  const post = (what: string, work: () => Answer) => only(['POST'], request, what, work);
  const form = (what: string, work: () => Answer) => pageWithForm(request, what, work);

  if (pathname.startsWith(ssoPath)) return oidc.visit(request);
  if (pathname.startsWith(loginPath)) {
    return form('login_page', () => login(organisation, request));
  }
  switch (pathname) {
    case '/.well-known/oauth-authorization-server':
      return get('server_metadata', () => json(200, serverMetadata(team, settings)));
    case '/cdn-cgi/access/certs':
      return get('certs', () => json(200, organisation.keys.jwks()));
    case '/cdn-cgi/access/logout':
      return get('login_page', logout);
    case `${oauthPath}/registration`:
      return post('registration', () => register(clients, settings, team, request));
    case `${oauthPath}/authorization`:
      return form('authorization', () => authorize(server, request));
    case `${oauthPath}/token`:
      return post(`token:${grantTypeOf(request)}`, () => token(server, devices, request));
    case `${oauthPath}/revoke`:
      return post('revocation', () => revoke(server, request));
  }
  if (settings.announceDeviceFlow) {
    switch (pathname) {
      case `${oauthPath}/device_authorization`:
        return post('device_authorization', () => authorizeDevice(server, devices, request));
      case `${oauthPath}/device`:
        return form('device_page', () => verifyDevice(server, devices, request));
    }
  }
  // A registration's own URI is returned but cannot be used (RFC 7592): nothing is ever deleted.
  if (pathname.startsWith(`${oauthPath}/registration/`)) {
    return { what: 'registration', work: () => text(405, 'Method not allowed', { allow: '' }) };
  }
  return { what: 'other', work: () => text(404, 'Not found') };
}

function only(
  methods: readonly string[],
  request: Received,
  what: string,
  work: () => Answer,
): Plan {
  if (methods.includes(request.method)) return { what, work };
  return { what, work: () => methodNotAllowed(methods.join(', ')) };
}

/** A submitted form is logged as `login_submission`, so that opened pages can be counted. */
function pageWithForm(request: Received, what: string, work: () => Answer): Plan {
  if (request.method !== 'POST') return only(['GET', 'HEAD'], request, what, work);
  return {
    what: 'login_submission',
    work: () =>
      fromElsewhere(request) ? notice(403, 'Refused', 'The form came from another site.') : work(),
  };
}

function grantTypeOf(request: Received): string {
  const type = new URLSearchParams(request.body.toString()).get('grant_type') ?? 'none';
  return type.split(':').at(-1) ?? type;
}
