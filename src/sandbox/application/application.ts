/**
 * An application behind Access: first Access's own paths on the application's host, then its guard, then
 * the origin behind it.
 */

import { type Application, guards } from '../catalogue.ts';
import { transferTokens } from '../cli.ts';
import type { Grants } from '../oauth/grants.ts';
import { resourceMetadata, serverMetadata } from '../oauth/metadata.ts';
import {
  type Answer,
  json,
  methodNotAllowed,
  type Plan,
  redirect,
  text,
} from '../server/answer.ts';
import type { Received } from '../server/received.ts';
import { authorized, authorizedPath, loginPath } from '../team/login.ts';
import { oidcCallbackPath } from '../team/oidc-provider.ts';
import type { Identity, Organisation } from '../team/organisation.ts';
import type { TransferService } from '../team/transfer.ts';
import { refusedByFirewall, resourceMetadataPath } from './challenge.ts';
import { passedOn } from './forwarded-fields.ts';
import { guardOf, hasLogin, type Visit } from './guards.ts';
import type { OidcApplication } from './oidc-application.ts';
import { origin } from './origin.ts';
import { refusedPreflight } from './preflight.ts';
import { asksForMetadata, signedAnswer } from './signed-answer.ts';

const synthesisedMetadataPath = '/.well-known/oauth-protected-resource';

export interface Edge {
  readonly organisation: Organisation;
  readonly grants: Grants;
  readonly transfer: TransferService;
  readonly oidc: OidcApplication;
}

export function visitApplication(edge: Edge, application: Application, request: Received): Plan {
  const { onlyUserAgent } = edge.organisation.settings;
  const userAgent = String(request.headers['user-agent'] ?? '');
  if (onlyUserAgent && !userAgent.includes(onlyUserAgent) && !userAgent.startsWith('Mozilla/')) {
    return { what: 'firewall', work: refusedByFirewall };
  }
  const own = hasLogin(application.name) ? accessPath(edge, application, request) : undefined;
  if (own !== undefined) return own;
  if (application.name === 'identity-provider' && request.url.pathname === oidcCallbackPath) {
    return { what: 'callback', work: () => edge.oidc.callback(application, request) };
  }
  // As with a preview of a Worker: without the query there is no such host, and no Access either.
  if (application.name === 'browser-login-preview' && !request.url.searchParams.has('preview')) {
    return { what: 'nothing_there', work: () => text(404, 'There is nothing here yet') };
  }
  if (!guards(application, request.url.pathname)) {
    return { what: 'origin', work: () => origin(request, passedOn(request, undefined)) };
  }
  return guarded(edge, application, request);
}

function guarded(edge: Edge, application: Application, request: Received): Plan {
  const visit: Visit = { ...edge, application, request };
  const hasGuard = isAccessApplication(application) && application.name !== 'bypass';
  const refused = hasGuard ? refusedPreflight(visit) : undefined;
  const decision = refused ?? guardOf[application.name](visit);
  const asked = asksForMetadata(request) && isAccessApplication(application);
  const withMetadata = (answer: Answer): Answer =>
    asked
      ? withHeader(
          answer,
          'cf-access-metadata',
          signedAnswer(edge.organisation, application, request),
        )
      : answer;
  if ('refuse' in decision) {
    return {
      what: asked ? 'signed_answer' : decision.what,
      work: () => withMetadata(decision.refuse()),
    };
  }
  return {
    what: asked ? 'signed_answer' : 'origin',
    work: async () => {
      const { identity, setCookie } = decision.admit();
      const answer = await origin(request, passedOn(request, identity));
      return withMetadata(
        setCookie === undefined ? answer : withHeader(answer, 'set-cookie', setCookie),
      );
    },
  };
}

/** The paths that Access itself answers on the host of an application where people sign in. */
function accessPath(edge: Edge, application: Application, request: Received): Plan | undefined {
  const { organisation } = edge;
  const { pathname, search } = request.url;
  if (pathname === authorizedPath) {
    return { what: 'callback', work: () => authorized(organisation, application, request) };
  }
  if (pathname.startsWith(loginPath)) {
    const location = organisation.team.origin + pathname + search;
    return { what: 'login_page', work: () => redirect(location) };
  }
  if (pathname === '/cdn-cgi/access/cli') return cli(edge, application, request);
  const managed = application.name.startsWith('managed-oauth');
  if (managed && pathname === '/.well-known/oauth-authorization-server') {
    const document = () => json(200, serverMetadata(organisation.team, organisation.settings));
    return readOnly('server_metadata', request, document);
  }
  const synthesised = under(synthesisedMetadataPath, pathname);
  const isSynthesised = synthesised !== undefined && guards(application, synthesised);
  // Without Managed OAuth this address is guarded like any other (cloudflare-access.md §2).
  if (isSynthesised && !managed) return guarded(edge, application, request);
  if (under(resourceMetadataPath, pathname) !== undefined || isSynthesised) {
    const document = () => json(200, resourceMetadata(application, organisation.team));
    return readOnly('resource_metadata', request, document);
  }
  return undefined;
}

/** `/cdn-cgi/access/cli` is guarded like the application, but always by a login. */
function cli(edge: Edge, application: Application, request: Received): Plan {
  const decision = guardOf['browser-login']({ ...edge, application, request });
  if ('refuse' in decision) return { what: decision.what, work: decision.refuse };
  return {
    what: 'cli',
    work: () => {
      const { identity } = decision.admit();
      return transferTokens(edge, application, identity as Identity, request);
    },
  };
}

function readOnly(what: string, request: Received, work: () => Answer): Plan {
  const allowed = request.method === 'GET' || request.method === 'HEAD';
  return { what, work: allowed ? work : () => methodNotAllowed('GET, HEAD') };
}

/** The rest of a path after `prefix`, at a `/` boundary. */
function under(prefix: string, pathname: string): string | undefined {
  if (pathname === prefix) return '/';
  return pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : undefined;
}

function isAccessApplication({ name }: Application): boolean {
  // A SaaS application is behind no edge of Access's: that is only asked who somebody is.
  return !['no-application', 'tunnel-down', 'identity-provider'].includes(name);
}

function withHeader(answer: Answer, name: string, value: string): Answer {
  const before = answer.headers?.[name];
  const values = before === undefined ? value : [before, value].flat();
  return { ...answer, headers: { ...answer.headers, [name]: values } };
}
