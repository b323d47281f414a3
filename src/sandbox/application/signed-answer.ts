/**
 * The signed answer (cloudflare-access.md §6) to a HEAD request with `cf-access-metadata-request: true`.
 */
import { type Application, domainOf } from '../catalogue.ts';
import type { Received } from '../server/received.ts';
import type { Organisation } from '../team/organisation.ts';

export function asksForMetadata(request: Received): boolean {
  return request.method === 'HEAD' && request.headers['cf-access-metadata-request'] === 'true';
}

/** The value of `cf-access-metadata`. */
export function signedAnswer(
  organisation: Organisation,
  application: Application,
  request: Received,
): string {
  return organisation.keys.sign({
    type: 'match',
    hostname: String(request.headers.host),
    auth_domain: organisation.team.host,
    aud: application.audience,
    app_hostname: domainOf(application),
    iat: Math.floor(Date.now() / 1000),
  });
}
