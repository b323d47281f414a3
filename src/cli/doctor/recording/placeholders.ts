/**
 * Placeholders for values: the same value gets the same placeholder everywhere. They are numbered in the
 * order of first use, so that the numbers reveal nothing and a recording of a replay has the same ones.
 */

export type Kind =
  | 'host'
  | 'person'
  | 'aud'
  | 'id'
  | 'token'
  | 'cookie'
  | 'key'
  | 'ray'
  | 'jwt'
  | 'modulus'
  | 'number'
  | 'path'
  | 'name'
  | 'text';

/**
 * Values of at least this length are also searched for within longer texts, where they do not occur by
 * chance.
 */
const sought: ReadonlySet<Kind> = new Set([
  'host',
  'person',
  'aud',
  'id',
  'token',
  'cookie',
  'key',
  'ray',
]);
const shortest = 6;
/** A hostile host's page could contain millions. */
const mostSought = 500;

export class Placeholders {
  readonly #kinds = new Map<string, Kind>();
  readonly #spelled = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<Kind, number>();
  readonly #earlier: Placeholders | undefined;
  readonly #pattern: RegExp | undefined;

  /**
   * `earlier`: the result of a first pass, so that a value is known even before the place that shows what
   * it is.
   */
  constructor(earlier?: Placeholders) {
    this.#earlier = earlier;
    this.#pattern = earlier?.soughtPattern();
  }

  /** Such as `{host-1}`. */
  nameOf(kind: Kind, value: string): string {
    const key = normal(value);
    const known = this.#names.get(key);
    if (known !== undefined) {
      // For the second pass, if a word of a page turns out to be a host, for example.
      if (sought.has(kind) && !sought.has(this.#kinds.get(key) ?? kind)) {
        this.#kinds.set(key, kind);
      }
      return known;
    }
    const settled = this.#earlier?.kindOf(value) ?? kind;
    const count = (this.#counts.get(settled) ?? 0) + 1;
    this.#counts.set(settled, count);
    const name = `{${settled}-${count}}`;
    this.#kinds.set(key, settled);
    this.#spelled.set(key, value);
    this.#names.set(key, name);
    return name;
  }

  /** The placeholder of a value that has occurred before, in this pass or the first. */
  known(value: string): string | undefined {
    const name = this.#names.get(normal(value));
    if (name !== undefined) return name;
    const kind = this.#earlier?.kindOf(value);
    return kind === undefined || !sought.has(kind) ? undefined : this.nameOf(kind, value);
  }

  kindOf(value: string): Kind | undefined {
    return this.#kinds.get(normal(value));
  }

  /** Finds values that occurred in the first pass. */
  get pattern(): RegExp | undefined {
    return this.#pattern;
  }

  soughtPattern(): RegExp | undefined {
    const values = [...this.#spelled]
      .filter(
        ([key, value]) => sought.has(this.#kinds.get(key) ?? 'text') && value.length >= shortest,
      )
      .map(([, value]) => value)
      .sort((one, other) => other.length - one.length)
      .slice(0, mostSought);
    if (values.length === 0) return undefined;
    const alternatives = values.map((value) => value.replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&'));
    return new RegExp(alternatives.join('|'), 'gi');
  }
}

/**
 * Hosts, email addresses and hexadecimal digits are case-insensitive: values that differ only in case are
 * the same.
 */
function normal(value: string): string {
  return value.toLowerCase();
}
