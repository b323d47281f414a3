/**
 * Removes credentials from what an origin echoes: ours, in every spelling, and the application token that
 * Access passes to the origin. Whatever is shown, printed or saved passes through here, because the
 * functions that take an answer's content require `Concealed`, which only this file makes. It protects
 * against accidents; an origin that deliberately leaks its own credential can do so.
 */
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { AccessError, isAccessError } from '../errors.ts';
import { once } from '../once.ts';
import { mapTexts } from '../step-texts.ts';
import { findAccessTokens } from './access-assertions.ts';
import { cut, mark, merged, type Replacement, without } from './cuts.ts';
import { createParts, type Parts } from './parts.ts';
import { createSearch, type Search } from './secret-search.ts';
import { secretTexts } from './secret-text.ts';

declare const concealed: unique symbol;
/** A value that has passed through a concealer. */
export type Concealed<T> = T & { readonly [concealed]: true };

export interface Concealer {
  /** False when there is nothing to look for; all methods are then free of cost. */
  readonly active: boolean;
  /** The secrets it looks for, to make an equal one in another thread. */
  readonly secrets: readonly string[];
  text(value: string): Concealed<string>;
  /** Each of them as `text` gives it, in one search if none holds a secret. */
  texts(values: readonly string[]): readonly Concealed<string>[];
  /**
   * Whether `value` contains a secret in any spelling, ignoring case, because schemes and hosts are
   * lower-cased.
   */
  isIn(value: string): boolean;
  bytes(value: Buffer): Concealed<Buffer>;
  /**
   * Streams, holding back only what may be the beginning of a secret. Fails if `value` fails. `covered`:
   * replaces secrets by text of the same length, so that a Content-Length stays correct.
   */
  body(value: Readable, how?: Replacement): Concealed<Readable>;
  /** The same for whoever has the parts of a stream in hand. */
  parts(how?: Replacement): ConcealedParts;
}

export interface ConcealedParts extends Parts {
  next(part: Buffer): Concealed<Buffer>[];
  last(): Concealed<Buffer>;
}

/** Shorter values are not secrets, and would occur everywhere. */
const minLength = 6;

/**
 * The last few concealers, since calls use the same credentials repeatedly and preparing their spellings
 * takes long.
 */
export interface Concealers {
  of(secrets: readonly string[]): Concealer;
  /** Drops all of them, as when somebody else signs in. */
  clear(): void;
}

const maxKept = 8;

export function createConcealers(): Concealers {
  const kept = new Map<string, Concealer>();
  let last: { readonly secrets: readonly string[]; readonly concealer: Concealer } | undefined;
  const known = (secrets: readonly string[]) =>
    last?.secrets.length === secrets.length &&
    last.secrets.every((secret, at) => secret === secrets[at]);
  return {
    of(secrets) {
      if (last && known(secrets)) return last.concealer;
      const key = JSON.stringify(secrets);
      const concealer = kept.get(key) ?? createConcealer(secrets);
      if (!kept.has(key) && kept.size >= maxKept) kept.clear();
      kept.set(key, concealer);
      last = { secrets: [...secrets], concealer };
      return concealer;
    },
    clear() {
      kept.clear();
      last = undefined;
    },
  };
}

/**
 * `secrets`: those of the credentials that were sent. If none was sent, Access passed none to the origin
 * either.
 */
export function createConcealer(secrets: readonly string[]): Concealer {
  const known = [...new Set(secrets)].filter(({ length }) => length >= minLength);
  const active = known.length > 0;
  // Made when needed, because building a search's tables takes longer than most calls' small texts.
  const search = once(() => searchFor(known, false));
  const searchInLowerCase = once(() => searchFor(known, true));
  const find: Search = (input, isLast) =>
    merged(search()(input, isLast), findAccessTokens(input, isLast));
  // One byte per character, so that positions are the same. Characters beyond Latin-1 are not part of a
  // secret.
  const cutsIn = (value: string) => find(Buffer.from(value, 'latin1'), true).cuts;
  const text = (value: string): Concealed<string> => {
    if (!active || value.length < minLength) return value as Concealed<string>;
    const cuts = cutsIn(value);
    if (cuts.length === 0) return value as Concealed<string>;
    return without(cuts, value.length, (from, to) => value.slice(from, to)).join(
      mark,
    ) as Concealed<string>;
  };
  return {
    active,
    secrets: known,
    text,
    texts(values) {
      // A secret in one of them is found in all of them together: whatever stands around it, a search reads
      // from its middle in both directions.
      const isClean = !active || cutsIn(values.join('\n')).length === 0;
      return isClean ? (values as readonly Concealed<string>[]) : values.map(text);
    },
    isIn: (value) =>
      active &&
      searchInLowerCase()(Buffer.from(value.toLowerCase(), 'latin1'), true).cuts.length > 0,
    bytes: (value) => (active ? cut(value, find(value, true)).done : value) as Concealed<Buffer>,
    body(value, how = 'marked') {
      // It may fail before anybody reads it; the failure is then reported to the reader.
      value.on('error', () => {});
      if (!active) return value as Concealed<Readable>;
      const clean = new ConcealingStream(createParts(find, how));
      value.on('error', (error) => clean.destroy(error));
      clean.on('close', () => value.destroy());
      clean.on('error', () => {});
      return value.pipe(clean) as Readable as Concealed<Readable>;
    },
    parts: (how = 'marked') => createParts(active ? find : nothing, how) as ConcealedParts,
  };
}

function searchFor(secrets: readonly string[], isLower: boolean): Search {
  const bytes = secrets.flatMap((secret) => {
    const forms = [Buffer.from(secret), Buffer.from(secret, 'latin1')];
    return forms[0]?.equals(forms[1] as Buffer) ? forms.slice(1) : forms;
  });
  // A token without its `oauth:` prefix is found together with the token, in one search.
  const endsWith = (whole: Buffer, end: Buffer) =>
    whole.length > end.length &&
    (whole.length - end.length) % 3 === 0 &&
    whole.subarray(-end.length).equals(end);
  const wholes = bytes.filter((one) => !bytes.some((other) => endsWith(other, one)));
  return createSearch(
    wholes.flatMap((whole) => {
      const endings = bytes.filter((one) => endsWith(whole, one));
      return secretTexts(
        whole,
        isLower,
        endings.map(({ length }) => whole.length - length),
      );
    }),
  );
}

const nothing: Search = ({ length }) => ({ cuts: [], open: length });

class ConcealingStream extends Transform {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    // Large enough that network and disk do not wait for each other.
    super({ highWaterMark: 512 * 1024 });
    this.#parts = parts;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    for (const part of this.#parts.next(chunk)) this.push(part);
    callback();
  }

  override _flush(callback: TransformCallback): void {
    callback(null, this.#parts.last());
  }
}

/** The error without the secrets in its texts. */
export function concealFailure(error: unknown, { active, text }: Concealer): unknown {
  if (!active || !isAccessError(error)) return error;
  const details = Object.entries(error.details).map(([name, value]) => [
    name,
    typeof value === 'string' ? text(value) : value,
  ]);
  return new AccessError(error.code, text(error.message), mapTexts(error.nextStep, text), {
    details: Object.fromEntries(details),
    cause: error,
  });
}
