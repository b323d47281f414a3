/** The answers that keep a request out: cloudflare-access.md §1, row by row. */

import { type Application, domainOf } from '../catalogue.ts';
import type { Settings } from '../options.ts';
import { type Answer, json } from '../server/answer.ts';
import { escapeHtml, notice, page } from '../server/page.ts';
import type { Received } from '../server/received.ts';

export const resourceMetadataPath = '/.well-known/cloudflare-access-protected-resource';

const missingToken = 'Missing or invalid access token';

/** Row 1: Managed OAuth. Header and body may name different paths, and here they do. */
export function bearerChallenge(
  application: Application,
  settings: Settings,
  request: Received,
): Answer {
  const base = application.url.origin + resourceMetadataPath;
  const path = settings.resourcePath === 'root' ? '/' : request.url.pathname;
  const challenge = [
    'Bearer realm="OAuth"',
    'error="invalid_token"',
    `error_description="${missingToken}"`,
    `resource_metadata="${base}${path}"`,
  ].join(', ');
  return json(
    401,
    {
      error: 'invalid_token',
      error_description: missingToken,
      resource_metadata: `${base}/`,
    },
    { 'www-authenticate': challenge, 'cache-control': 'no-store' },
  );
}

/** Row 2's challenge, which accompanies the redirect to the login page. */
export function accessChallenge(application: Application, request: Received): string {
  const url = application.url.origin + resourceMetadataPath + request.url.pathname;
  return `Cloudflare-Access resource_metadata="${url}"`;
}

/** Row 2 for XMLHttpRequest, which could not follow the redirect. */
export function unauthorizedPage(application: Application, request: Received): Answer {
  return notice(401, 'Unauthorized', 'Sign in to reach this application.', {
    'www-authenticate': accessChallenge(application, request),
  });
}

/** Row 3: only Service Auth policies, answered with 403 or, where so set, 401. */
export function forbiddenService(
  status: 401 | 403,
  application: Application,
  request: Received,
): Answer {
  const headers = {
    'cf-access-aud': application.audience,
    'cf-access-domain': domainOf(application),
    'cache-control': 'no-store',
  };
  const title = status === 401 ? 'Unauthorized' : 'Forbidden';
  const message =
    "You don't have permission to view this. Please contact your system administrator.";
  if (String(request.headers.accept ?? '').includes('application/json')) {
    return json(
      status,
      { status, error: title.toLowerCase(), message, aud: application.audience },
      headers,
    );
  }
  return notice(status, title, message, headers);
}

/** Row 4: no, with the only value of `Cf-Access-Error` that was ever seen. */
export function forbiddenPerson(application: Application): Answer {
  return page(
    403,
    'Forbidden',
    `<h1>Forbidden</h1>
<p>That account does not have access to <b>${escapeHtml(domainOf(application))}</b>.</p>`,
    { 'cf-access-error': '1' },
  );
}

/** Row 6: no application, and protection is required. */
export function noApplication(): Answer {
  return page(
    403,
    'Error 1043',
    `<h1>Error 1043</h1>
<p>Access denied: this host requires Cloudflare Access protection, and has no Access application.</p>`,
  );
}

/** Row 7: the tunnel is down. */
export function tunnelDown(): Answer {
  return {
    status: 530,
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'cache-control': 'no-store' },
    body: 'error code: 1033',
  };
}

/** No row of the table: a firewall in front of Access refuses the program by its name. */
export function refusedByFirewall(): Answer {
  return {
    status: 403,
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'cache-control': 'no-store' },
    body: 'error code: 1010',
  };
}
