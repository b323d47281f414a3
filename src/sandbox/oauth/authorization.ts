/**
 * The authorization endpoint (RFC 6749 §4.1, 7636, 8707, 9207): shows the login page, and answers its form
 * with the authorization response. The request is checked again when the form is submitted.
 */

import { type Application, guards } from '../catalogue.ts';
import type { ApplicationRedirects } from '../options.ts';
import { type Answer, type Fields, redirect } from '../server/answer.ts';
import { notice } from '../server/page.ts';
import type { Received } from '../server/received.ts';
import { teamCookie } from '../team/login.ts';
import { loginPage, readLogin } from '../team/login-page.ts';
import type { Organisation } from '../team/organisation.ts';
import type { Grants } from './grants.ts';
import { issuerOf } from './metadata.ts';
import type { Client, Clients } from './registration.ts';

export interface AuthorizationServer {
  readonly organisation: Organisation;
  readonly clients: Clients;
  readonly grants: Grants;
}

interface AuthorizationRequest {
  readonly client: Client;
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly codeChallenge: string;
  readonly resource: string;
  readonly application: Application;
}

/** Sends the browser back to the client. */
type Respond = (parameters: Record<string, string>, headers?: Fields) => Answer;

export function authorize(server: AuthorizationServer, request: Received): Answer {
  const { organisation, clients } = server;
  const query = request.url.searchParams;
  const client = clients.get(query.get('client_id') ?? '');
  if (client === undefined) {
    return notice(400, 'Unknown client', 'No client is registered under this client_id.');
  }
  const redirectUri = query.get('redirect_uri');
  if (redirectUri === null || !client.redirectUris.includes(redirectUri)) {
    return notice(400, 'Not allowed', 'Redirect URI not allowed by application configuration');
  }
  const respond = responder(organisation, redirectUri, query.get('state'));
  const checked = check(organisation, client, redirectUri, query);
  if ('error' in checked) return respond(checked);
  if (request.method !== 'POST') {
    const { people } = organisation;
    return loginPage({ application: checked.application, client: client.name, people });
  }
  return answerForm(server, request, checked, respond);
}

function answerForm(
  { organisation, grants }: AuthorizationServer,
  request: Received,
  asked: AuthorizationRequest,
  respond: Respond,
): Answer {
  const login = readLogin(request, organisation.people);
  if (login === undefined) return notice(400, 'Not understood', 'The form named nobody.');
  if (login === 'declined') {
    return respond({ error: 'access_denied', error_description: 'The person declined to sign in' });
  }
  const signedIn = { 'set-cookie': teamCookie(organisation, login.person) };
  // Without a resource indicator, the real service never redirects back to the client.
  if (asked.resource === '') return redirect(asked.application.url, signedIn);
  if (!organisation.admits(login.person)) {
    return respond({
      error: 'access_denied',
      error_description: 'That account does not have access to this application',
    });
  }
  const code = grants.issueCode({
    clientId: asked.client.clientId,
    person: login.person,
    application: asked.application,
    resource: asked.resource,
    redirectUri: asked.redirectUri,
    codeChallenge: asked.codeChallenge,
  });
  return respond({ code }, signedIn);
}

function check(
  organisation: Organisation,
  client: Client,
  redirectUri: string,
  query: URLSearchParams,
): AuthorizationRequest | { error: string; error_description: string } {
  if (new Set(query.keys()).size !== query.size) {
    return { error: 'invalid_request', error_description: 'A parameter was sent twice' };
  }
  if (query.get('response_type') !== 'code') {
    return { error: 'unsupported_response_type', error_description: 'response_type must be code' };
  }
  const codeChallenge = query.get('code_challenge') ?? '';
  // The real service refuses a challenge that begins with `-` or `_` with exactly this message.
  if (
    query.get('code_challenge_method') !== 'S256' ||
    !/^[A-Za-z0-9][A-Za-z0-9_-]{42}$/.test(codeChallenge)
  ) {
    return {
      error: 'invalid_request',
      error_description: 'code_challenge_method must be S256 for public clients',
    };
  }
  const resource = query.get('resource') ?? '';
  const application =
    resource === ''
      ? (findApplication(organisation, client.resource ?? '') ??
        organisation.applications['managed-oauth'])
      : findApplication(organisation, resource);
  if (application === undefined) {
    return { error: 'invalid_target', error_description: 'No such resource, or it has no OAuth' };
  }
  if (!allowsRedirectUri(redirectUri, organisation.settings.redirects[application.name])) {
    return {
      error: 'invalid_request',
      error_description: 'Redirect URI not allowed by application configuration',
    };
  }
  const state = query.get('state') ?? undefined;
  return { client, redirectUri, state, codeChallenge, resource, application };
}

/** The second check, after the account's at registration (cloudflare-access.md §3). */
function allowsRedirectUri(redirectUri: string, redirects: ApplicationRedirects = {}): boolean {
  const { allowLocalhostClients = true, allowLoopbackClients = true } = redirects;
  const isLocalhost = new URL(redirectUri).hostname === 'localhost';
  if (isLocalhost ? allowLocalhostClients : allowLoopbackClients) return true;
  const { allowedRedirectUris = [] } = redirects;
  return allowedRedirectUris.some((entry) =>
    entry.endsWith('/*') ? redirectUri.startsWith(entry.slice(0, -1)) : redirectUri === entry,
  );
}

/** The application with Managed OAuth that a resource indicator means (RFC 8707 §2). */
export function findApplication(
  organisation: Organisation,
  resource: string,
): Application | undefined {
  if (!URL.canParse(resource)) return undefined;
  const url = new URL(resource);
  if (url.hash !== '') return undefined;
  const { applications } = organisation;
  return [applications['managed-oauth'], applications['managed-oauth-path']].find(
    (one) => one.url.origin === url.origin && guards(one, url.pathname),
  );
}

function responder(
  { settings, team }: Organisation,
  redirectUri: string,
  state: string | null,
): Respond {
  return (parameters, headers) => {
    const location = new URL(redirectUri);
    const iss = settings.iss === 'advertised' || settings.iss === 'unadvertised';
    const all = {
      ...parameters,
      ...(state === null ? {} : { state }),
      ...(iss ? { iss: issuerOf(team, settings) } : {}),
    };
    for (const [name, value] of Object.entries(all)) location.searchParams.append(name, value);
    return redirect(location, headers);
  };
}
