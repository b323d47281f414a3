/**
 * An answer's header fields (RFC 9110 §5). Reads like the platform's `Headers`, which cost more to load
 * than a command has time for: Node compiles a whole fetch for them.
 */
export interface Fields extends Iterable<[name: string, value: string]> {
  /** Several of one name in one, in order (§5.3); `null` for none. */
  get(name: string): string | null;
  has(name: string): boolean;
  /** The one field that must not be put together (RFC 6265 §3). */
  getSetCookie(): string[];
}

/** Iterates by name, in lower case and in the order of the alphabet, as `Headers` does. */
export function fieldsFrom(
  pairs: Iterable<readonly [name: string, value: string]>,
  { without }: { readonly without?: string } = {},
): Fields {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    if (key === without) continue;
    const others = values.get(key);
    if (others) others.push(withoutBlanks(value));
    else values.set(key, [withoutBlanks(value)]);
  }
  return {
    get: (name) => values.get(name.toLowerCase())?.join(', ') ?? null,
    has: (name) => values.has(name.toLowerCase()),
    getSetCookie: () => [...(values.get('set-cookie') ?? [])],
    *[Symbol.iterator]() {
      for (const name of [...values.keys()].sort()) {
        const all = values.get(name) ?? [];
        if (name !== 'set-cookie') yield [name, all.join(', ')];
        else for (const one of all) yield [name, one];
      }
    },
  };
}

/** Those of RFC 9110 §5.6.3 alone: what else JavaScript trims belongs to a value. */
function withoutBlanks(value: string): string {
  return /^[\t ]|[\t ]$/.test(value) ? value.replace(/^[\t ]+|[\t ]+$/g, '') : value;
}
