/**
 * Checks what follows a challenge: the metadata, whether the authorization server is trusted, and our
 * registration there.
 */

import type { Abortable } from '../../abortable.ts';
import type { GuardedAnswer } from '../../access/exchange/guarded-request.ts';
import { pastFirewall } from '../../cloudflare/firewall.ts';
import { trustsIssuer } from '../../cloudflare/team.ts';
import type { Config, Environment } from '../../config/config.ts';
import { type AccessError, isAccessError } from '../../errors.ts';
import { createProtocolFetch } from '../../http/protocol-fetch.ts';
import { fetchResourceMetadata } from '../../oauth/resource-metadata.ts';
import { fetchServerMetadata, type ServerMetadata } from '../../oauth/server-metadata.ts';
import type { Rooms } from '../../rooms.ts';
import { quoteServerText } from '../../server-text.ts';
import { createTokenHosts, entryBinding } from '../../sign-in/token-hosts.ts';
import { whenFrom } from '../terminal/durations.ts';
import { type Finding, fail, failure, ok, skip } from './finding.ts';
import { checkRedirectUris } from './redirect-uris.ts';

export interface Walk {
  readonly url: URL;
  readonly rooms: Rooms;
  readonly config: Config;
  readonly environment: Environment;
  readonly signal: Abortable;
  /** What a firewall may let through in the place of this program's own name. */
  readonly userAgent?: string | undefined;
}

/** Empty if the URL is not protected by OAuth. */
export async function checkAuthorization(walk: Walk, asked: GuardedAnswer): Promise<Finding[]> {
  const { url, rooms, config } = walk;
  const { guard } = asked;
  if (guard.protection !== 'managed_oauth' && guard.protection !== 'oauth') return [];
  const findings: Finding[] = [];
  const deviations: string[] = [];
  const direct = createProtocolFetch(rooms.send, (host, what) =>
    deviations.push(`${host}: ${what}`),
  );
  const fetch = pastFirewall(direct, rooms.access.userAgents);
  try {
    const metadata = await fetchResourceMetadata(url, guard.resourceMetadata, fetch);
    const named = metadata?.authorizationServers ?? [];
    findings.push(ok('Resource metadata', `for ${quoteServerText(metadata?.resource ?? '')}`));
    const trusted = named.find(
      (text) => URL.canParse(text) && trustsIssuer(new URL(text), url, config.trust),
    );
    if (trusted === undefined) {
      return [
        ...findings,
        fail(
          'Trust',
          `none of the authorization servers is trusted: ${named.map(quoteServerText).join(', ')}`,
          'If you know one of them, add its issuer to CF_ACCESS_AUTHORIZATION_SERVERS (or correct CF_ACCESS_TEAM_DOMAIN).',
        ),
      ];
    }
    const server = await fetchServerMetadata(new URL(trusted), fetch);
    const device = server.device_authorization_endpoint ? ', device codes' : '';
    findings.push(ok('Authorization server', `${server.issuer}: code with PKCE S256${device}`));
    findings.push(await registration(rooms, config, server));
    const redirectUris = { server, resource: metadata?.resource ?? url.origin };
    findings.push(...(await checkRedirectUris(walk, redirectUris)));
    if (
      !createTokenHosts({ trust: config.trust, clock: rooms.clock }).admits(
        trusted,
        url.href,
        false,
      )
    ) {
      findings.push(
        skip(
          'Tokens',
          `of ${server.issuer} are sent here only if the token answer names this resource; to send them without that: CF_ACCESS_AUTHORIZATION_SERVERS=${entryBinding(new URL(trusted), url, config.trust)}`,
        ),
      );
    }
  } catch (error) {
    if (!isAccessError(error)) throw error;
    findings.push(failure(stepOf(error), error, walk));
  }
  return deviations.length === 0
    ? findings
    : [
        ...findings,
        skip(
          'Careless answers',
          `accepted although they deviate from the RFCs: ${deviations.join('; ')}`,
        ),
      ];
}

function stepOf({ code }: AccessError): string {
  return code === 'invalid_resource_metadata' ? 'Resource metadata' : 'Authorization server';
}

async function registration(
  { store, clock }: Rooms,
  { oauthClient }: Config,
  server: ServerMetadata,
): Promise<Finding> {
  const name = 'Registration';
  if (oauthClient) return ok(name, 'the client of CF_ACCESS_OAUTH_CLIENT_ID');
  const kept = (await store.list('registration')).filter(({ issuer }) => issuer === server.issuer);
  const [first] = kept;
  if (first) {
    return ok(name, `kept and reused, registered ${whenFrom(clock.now(), first.registeredAt)}`);
  }
  return server.registration_endpoint
    ? ok(name, 'none yet: the first sign-in registers a client')
    : fail(
        name,
        'the server offers no dynamic registration (RFC 7591)',
        'Register a native client there and set CF_ACCESS_OAUTH_CLIENT_ID.',
      );
}
