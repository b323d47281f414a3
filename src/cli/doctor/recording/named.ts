/** What the answers name: the metadata's address, the team and its keys. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readJwt } from '../../../cloudflare/jwt.ts';
import { tellLoginRedirect } from '../../../cloudflare/login-redirect.ts';
import { trustsIssuer } from '../../../cloudflare/team.ts';
import type { Config } from '../../../config/config.ts';
import { parseChallenges } from '../../../oauth/challenge.ts';
import { atPath } from '../../../secure-url.ts';
import type { Seen } from './redact.ts';

/** The address that the challenge names, if it is on the same origin. */
export function metadataOf({ answer }: Seen, url: URL): URL[] {
  const named = parseChallenges(answer?.headers.get('www-authenticate') ?? '').flatMap(
    ({ parameters }) => parameters.get('resource_metadata') ?? [],
  );
  const [first] = named.filter((text) => URL.canParse(text)).map((text) => new URL(text));
  return first?.origin === url.origin ? [first] : [];
}

/** The team that the answers name, if a sign-in for `url` would be sent there too. */
export function teamOf(
  seen: readonly Seen[],
  signed: Seen,
  url: URL,
  { trust }: Config,
): URL | undefined {
  const jwt = readJwt(signed.answer?.headers.get('cf-access-metadata') ?? '');
  const fromLogin = seen.flatMap(({ answer }) => {
    const location = answer?.headers.get('location') ?? null;
    return tellLoginRedirect(url, answer?.status ?? 0, location)?.teamDomain ?? [];
  });
  const fromDocuments = seen.flatMap(({ answer }) => serversIn(answer?.body ?? ''));
  return [jwt?.claims.auth_domain, ...fromLogin, ...fromDocuments]
    .map((named) => (typeof named === 'string' ? originOf(named, url) : undefined))
    .find((origin) => origin !== undefined && trustsIssuer(origin, url, trust));
}

function originOf(named: string, { protocol }: URL): URL | undefined {
  const text = /^https?:\/\//.test(named) ? named : `${protocol}//${named}`;
  return URL.canParse(text) ? atPath(new URL(text), '/') : undefined;
}

function serversIn(body: string): unknown[] {
  const servers = (parsed(body) as { authorization_servers?: unknown } | null)
    ?.authorization_servers;
  return Array.isArray(servers) ? servers : [];
}

/** The team's keys, by their names. */
export function keysIn(body: string): Map<string, KeyObject> {
  const list = (parsed(body) as { keys?: unknown } | null)?.keys;
  const keys = new Map<string, KeyObject>();
  for (const key of Array.isArray(list) ? list : []) {
    try {
      keys.set(String(key.kid), createPublicKey({ key, format: 'jwk' }));
    } catch {
      // Not a key that could verify anything.
    }
  }
  return keys;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
