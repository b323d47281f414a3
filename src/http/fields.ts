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
  const values: Values = new Map();
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    if (key !== without) add(values, key, value);
  }
  return new ReadFields(values);
}

/** `record`: by name in lower case; an array for several of one name. */
export function fieldsIn(
  record: Readonly<Record<string, string | readonly string[] | undefined>>,
): Fields {
  const values: Values = new Map();
  for (const name of Object.keys(record)) {
    const value = record[name];
    if (typeof value === 'string') add(values, name, value);
    else for (const one of value ?? []) add(values, name, one);
  }
  return new ReadFields(values);
}

/** By name in lower case; an array for several. */
type Values = Map<string, string | string[]>;

function add(values: Values, key: string, value: string): void {
  const others = values.get(key);
  const plain = withoutBlanks(value);
  if (others === undefined) values.set(key, plain);
  else if (typeof others === 'string') values.set(key, [others, plain]);
  else others.push(plain);
}

class ReadFields implements Fields {
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  get(name: string): string | null {
    const value = this.#values.get(name.toLowerCase());
    return value === undefined ? null : joined(value);
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  getSetCookie(): string[] {
    const value = this.#values.get('set-cookie');
    if (value === undefined) return [];
    return typeof value === 'string' ? [value] : [...value];
  }

  *[Symbol.iterator](): Iterator<[name: string, value: string]> {
    for (const name of [...this.#values.keys()].sort()) {
      const value = this.#values.get(name) ?? '';
      if (name !== 'set-cookie' || typeof value === 'string') yield [name, joined(value)];
      else for (const one of value) yield [name, one];
    }
  }
}

function joined(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value.join(', ');
}

/** Those of RFC 9110 §5.6.3 alone: what else JavaScript trims belongs to a value. */
function withoutBlanks(value: string): string {
  const isBlank = (at: number) => value[at] === ' ' || value[at] === '\t';
  const mayHave = isBlank(0) || isBlank(value.length - 1);
  return mayHave ? value.replace(/^[\t ]+|[\t ]+$/g, '') : value;
}
