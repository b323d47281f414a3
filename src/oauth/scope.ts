/** Scopes (RFC 6749 §3.3): space-separated lists in which the order does not matter. */
import type { Challenge } from './challenge.ts';

/** The scopes in `text`, without malformed ones. */
export function scopesOf(text: string | undefined): string[] {
  return (text?.split(' ') ?? []).filter(isScope);
}

export function isScope(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(text);
}

/** The union, in the order of first appearance; `undefined` when it is empty. */
export function joinScopes(...scopes: (string | undefined)[]): string | undefined {
  const all = new Set(scopes.flatMap(scopesOf));
  return all.size === 0 ? undefined : [...all].join(' ');
}

/** True when `scope` includes everything that is wanted. */
export function coversScope(scope: string | undefined, wanted: string | undefined): boolean {
  const there = scopesOf(scope);
  return scopesOf(wanted).every((one) => there.includes(one));
}

/**
 * The scope to request: the challenge's, else all of the resource's, else none; with `offline_access` if, and
 * only if, the authorization server lists it. `ofServer`: its `scopes_supported`, unchecked.
 */
export function chooseScope(
  challenges: readonly Challenge[],
  { ofResource = [], ofServer }: { ofResource: readonly string[] | undefined; ofServer: unknown },
): string | undefined {
  const asked = challenges
    .filter(({ scheme }) => scheme === 'bearer')
    .map(({ parameters }) => parameters.get('scope'))
    .find((scope) => scope !== undefined);
  const scopes = new Set((asked?.split(' ') ?? ofResource).filter(isScope));
  if (Array.isArray(ofServer) && ofServer.includes('offline_access')) scopes.add('offline_access');
  else scopes.delete('offline_access');
  return scopes.size === 0 ? undefined : [...scopes].join(' ');
}
