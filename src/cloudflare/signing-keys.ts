/**
 * A team's public signing keys, from `https://<team>/cdn-cgi/access/certs`: cached for 24 hours, and
 * fetched again when a key is unknown, at most once a minute.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { untilAborted } from '../http/waiting/within.ts';
import { atPath } from '../secure-url.ts';

export interface SigningKeys {
  /**
   * The key `keyId` of the team at `team` (its origin), or `undefined` when the team has no such key.
   * Throws `temporarily_unavailable`, `invalid_server_metadata` and what `fetch` throws. The caller must
   * have checked that `team` is a team domain.
   */
  find(team: URL, keyId: string): Promise<KeyObject | undefined>;
}

/**
 * The same keys for one caller, who stops waiting when `signal` aborts. The request goes on, since others
 * may wait for it.
 */
export function keysUntil(keys: SigningKeys, signal: Abortable | undefined): SigningKeys {
  return { find: (team, keyId) => untilAborted(keys.find(team, keyId), signal, team) };
}

interface KeySet {
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly fetchedAt: number;
}

const lifetimeMs = 24 * 3_600_000;
const refetchAfterMs = 60_000;
const maxTeams = 16;
const maxKeys = 32;

export function createSigningKeys({
  fetch,
  now,
}: {
  fetch: ProtocolFetch;
  now: () => number;
}): SigningKeys {
  const sets = new Map<string, KeySet>();
  const underWay = new Map<string, Promise<KeySet>>();

  const ask = (origin: string): Promise<KeySet> => {
    const already = underWay.get(origin);
    if (already) return already;
    const asked = fetchKeys(origin, fetch)
      .then((keys) => {
        const set = { keys, fetchedAt: now() };
        sets.delete(origin);
        sets.set(origin, set);
        const [oldest] = sets.keys();
        if (sets.size > maxTeams && oldest !== undefined) sets.delete(oldest);
        return set;
      })
      .finally(() => underWay.delete(origin));
    underWay.set(origin, asked);
    return asked;
  };

  return {
    async find({ origin }, keyId) {
      const kept = sets.get(origin);
      const age = kept ? now() - kept.fetchedAt : Number.POSITIVE_INFINITY;
      // Keys must expire even if the clock was set back.
      if (!kept || age >= lifetimeMs || age < 0) return (await ask(origin)).keys.get(keyId);
      const key = kept.keys.get(keyId);
      if (key || age < refetchAfterMs) return key;
      return (await ask(origin)).keys.get(keyId);
    },
  };
}

async function fetchKeys(origin: string, fetch: ProtocolFetch): Promise<Map<string, KeyObject>> {
  const team = new URL(origin);
  const { host } = team;
  const answer = await fetch(atPath(team, '/cdn-cgi/access/certs'), {
    headers: { accept: 'application/json' },
  });
  if (answer.status >= 500 || answer.status === 429) {
    throw new AccessError(
      'temporarily_unavailable',
      `${host} cannot serve its signing keys at the moment (status ${answer.status}).`,
      [{ do: 'retry', afterSeconds: 60 }],
    );
  }
  const keys = answer.status === 200 ? readKeys(await answer.text()) : undefined;
  if (!keys) {
    throw new AccessError(
      'invalid_server_metadata',
      `${host} does not serve signing keys as a team of Cloudflare Access does (status ${answer.status}).`,
      [{ do: 'check', whether: `${host} is the team domain that is meant` }],
    );
  }
  return keys;
}

/** A JWK set (RFC 7517 §5): its RSA keys for RS256 signatures, of at least 2048 bits. */
function readKeys(text: string): Map<string, KeyObject> | undefined {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(list)) return undefined;
  const keys = new Map<string, KeyObject>();
  for (const jwk of list.slice(0, maxKeys)) {
    if (typeof jwk !== 'object' || jwk === null) continue;
    const { kty, kid, alg = 'RS256', use = 'sig', n, e } = jwk as Record<string, unknown>;
    if (
      kty !== 'RSA' ||
      alg !== 'RS256' ||
      use !== 'sig' ||
      typeof kid !== 'string' ||
      keys.has(kid)
    )
      continue;
    if (typeof n !== 'string' || typeof e !== 'string') continue;
    const key = importKey(n, e);
    if (key) keys.set(kid, key);
  }
  return keys;
}

function importKey(n: string, e: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
    return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 ? key : undefined;
  } catch {
    // An unusable key does not affect the others; what it signed is simply not verified.
    return undefined;
  }
}
