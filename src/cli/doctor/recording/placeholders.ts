/**
 * The names that stand for values: the same value has the same name wherever it stands. Numbers are given
 * in the order of first use, so that they say nothing, and so that a replay’s recording has the same ones.
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

/** Looked for inside of longer text as well: long enough not to occur there by chance. */
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
/** A page of a hostile host could bring millions. */
const mostSought = 500;

export class Placeholders {
  readonly #kinds = new Map<string, Kind>();
  readonly #spelled = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<Kind, number>();
  readonly #earlier: Placeholders | undefined;
  readonly #pattern: RegExp | undefined;

  /** `earlier`: from a first pass, so that a value is known also before the place that tells what it is. */
  constructor(earlier?: Placeholders) {
    this.#earlier = earlier;
    this.#pattern = earlier?.soughtPattern();
  }

  /** `{host-1}` and the like. */
  nameOf(kind: Kind, value: string): string {
    const key = normal(value);
    const known = this.#names.get(key);
    if (known !== undefined) {
      // For the second pass: a word of a page turns out to be a host, say.
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

  /** The name of a value that was met before, in this pass or the one before it. */
  known(value: string): string | undefined {
    const name = this.#names.get(normal(value));
    if (name !== undefined) return name;
    const kind = this.#earlier?.kindOf(value);
    return kind === undefined || !sought.has(kind) ? undefined : this.nameOf(kind, value);
  }

  kindOf(value: string): Kind | undefined {
    return this.#kinds.get(normal(value));
  }

  /** Finds what was met in the first pass. */
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

/** Hosts, addresses of people and hexadecimal digits have no case; what differs only there is one value. */
function normal(value: string): string {
  return value.toLowerCase();
}
