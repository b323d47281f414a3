/** Scopes (RFC 6749 §3.3): lists of words, parted by spaces, in which order means nothing. */

/** The words of `text`; what cannot be one is left out. */
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

/** True when nothing is wanted that `scope` lacks. */
export function coversScope(scope: string | undefined, wanted: string | undefined): boolean {
  const there = scopesOf(scope);
  return scopesOf(wanted).every((one) => there.includes(one));
}
