/**
 * Cuts credentials out of what an origin echoes: ours in whatever spelling, and the application's token
 * that Access hands to the origin. The one way to everything that is shown, printed or saved: what takes
 * an answer's content asks for `Concealed`, which only this file makes. A fence against accidents: an
 * origin that means to leak its own credential can.
 */
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { AccessError, isAccessError } from '../errors.ts';
import { once } from '../once.ts';
import { release } from '../receive-buffers.ts';
import { mapTexts } from '../step-texts.ts';
import { findAccessTokens } from './access-assertions.ts';
import { type Cut, createSearch, type Found, type Search } from './secret-search.ts';
import { secretTexts } from './secret-text.ts';

declare const concealed: unique symbol;
/** What has been through a concealer. */
export type Concealed<T> = T & { readonly [concealed]: true };

export interface Concealer {
  /** False when there is nothing to look for: then the rest costs nothing. */
  readonly active: boolean;
  /** What it looks for, for one in another thread. */
  readonly secrets: readonly string[];
  text(value: string): Concealed<string>;
  /** Whether a form of a secret is in `value`, in whatever case: schemes and hosts lose theirs. */
  isIn(value: string): boolean;
  bytes(value: Buffer): Concealed<Buffer>;
  /**
   * Streamed: holds back only what may be the beginning of a secret. Its failures are those of `value`.
   * `covered`: in the same length, so that a Content-Length stays true.
   */
  body(value: Readable, how?: Replacement): Concealed<Readable>;
}

type Replacement = 'marked' | 'covered';

const mark = '[redacted]';

/** Shorter ones are no secrets, and would turn up everywhere. */
const minLength = 6;

/** The last few concealers: calls use the same credential over and over, and its forms take long to make. */
export interface Concealers {
  of(secrets: readonly string[]): Concealer;
  /** Lets all go, as when somebody else signs in. */
  clear(): void;
}

const maxKept = 8;

export function createConcealers(): Concealers {
  const kept = new Map<string, Concealer>();
  return {
    of(secrets) {
      const key = JSON.stringify(secrets);
      const known = kept.get(key);
      if (known) return known;
      if (kept.size >= maxKept) kept.clear();
      const concealer = createConcealer(secrets);
      kept.set(key, concealer);
      return concealer;
    },
    clear: () => kept.clear(),
  };
}

/** `secrets`: of the credentials that were sent; where none was, Access handed none to the origin either. */
export function createConcealer(secrets: readonly string[]): Concealer {
  const known = [...new Set(secrets)].filter(({ length }) => length >= minLength);
  const active = known.length > 0;
  // Made when they are needed: a search's tables take longer than the small texts of most calls.
  const search = once(() => searchFor(known, false));
  const searchInLowerCase = once(() => searchFor(known, true));
  const find: Search = (input, isLast) =>
    merged(search()(input, isLast), findAccessTokens(input, isLast));
  return {
    active,
    secrets: known,
    text(value) {
      if (!active || value.length < minLength) return value as Concealed<string>;
      // A byte a character, so that the places are the same; what is not Latin is no part of a secret.
      const { cuts } = find(Buffer.from(value, 'latin1'), true);
      return without(cuts, value.length, (from, to) => value.slice(from, to)).join(
        mark,
      ) as Concealed<string>;
    },
    isIn: (value) =>
      active &&
      searchInLowerCase()(Buffer.from(value.toLowerCase(), 'latin1'), true).cuts.length > 0,
    bytes: (value) => (active ? cut(value, find(value, true)).done : value) as Concealed<Buffer>,
    body(value, how = 'marked') {
      // It may break before anybody reads it: whoever then does is told.
      value.on('error', () => {});
      if (!active) return value as Concealed<Readable>;
      const clean = new ConcealingStream(find, how);
      value.on('error', (error) => clean.destroy(error));
      clean.on('close', () => value.destroy());
      clean.on('error', () => {});
      return value.pipe(clean) as Readable as Concealed<Readable>;
    },
  };
}

function searchFor(secrets: readonly string[], isLower: boolean): Search {
  const bytes = secrets.flatMap((secret) => {
    const forms = [Buffer.from(secret), Buffer.from(secret, 'latin1')];
    return forms[0]?.equals(forms[1] as Buffer) ? forms.slice(1) : forms;
  });
  // A token without its `oauth:` is found with the token: one search does for both.
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

class ConcealingStream extends Transform {
  readonly #find: Search;
  readonly #how: Replacement;
  #held: Buffer = Buffer.alloc(0);

  constructor(find: Search, how: Replacement) {
    // Wide enough for the network and the disk not to wait for each other.
    super({ highWaterMark: 512 * 1024 });
    this.#find = find;
    this.#how = how;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    const input = this.#held.length === 0 ? chunk : copied(this.#held, chunk);
    const { done, rest } = cut(input, this.#find(input, false), this.#how);
    this.#held = rest.length === 0 ? rest : copied(rest);
    callback(null, done);
  }

  override _flush(callback: TransformCallback): void {
    callback(null, cut(this.#held, this.#find(this.#held, true), this.#how).done);
  }
}

function copied(...parts: Buffer[]): Buffer {
  const copy = Buffer.concat(parts);
  for (const part of parts) release(part);
  return copy;
}

function merged(one: Found, other: Found): Found {
  const open = Math.min(one.open, other.open);
  if (one.cuts.length === 0 && other.cuts.length === 0) return { cuts: one.cuts, open };
  const cuts: Cut[] = [];
  for (const next of [...one.cuts, ...other.cuts].sort((a, b) => a.from - b.from)) {
    const last = cuts.at(-1);
    if (last && next.from < last.to) {
      cuts[cuts.length - 1] = { from: last.from, to: Math.max(last.to, next.to) };
    } else cuts.push(next);
  }
  // What is found is cut, also where something else may begin within it.
  const across = cuts.find(({ from, to }) => from < open && open < to);
  const decided = across ? across.to : open;
  return { cuts: cuts.filter(({ from }) => from < decided), open: decided };
}

/** `input` without what was found in it, and what is left to look at when more has come. */
function cut(
  input: Buffer,
  { cuts, open }: Found,
  how: Replacement = 'marked',
): { done: Buffer; rest: Buffer } {
  const rest = input.subarray(open);
  if (cuts.length === 0) return { done: input.subarray(0, open), rest };
  const kept = without(cuts, open, (from, to) => input.subarray(from, to));
  const inPlace = ({ from, to }: Cut) =>
    how === 'covered' ? Buffer.alloc(to - from, '*') : Buffer.from(mark);
  const done = kept.flatMap((part, at) => {
    const before = cuts[at - 1];
    return before ? [inPlace(before), part] : [part];
  });
  return { done: Buffer.concat(done), rest };
}

/** What is left between the cuts: one part more than there are of them. */
function without<T>(
  cuts: readonly Cut[],
  length: number,
  slice: (from: number, to: number) => T,
): T[] {
  const ends = [...cuts.map(({ from }) => from), length];
  return ends.map((end, at) => slice(cuts[at - 1]?.to ?? 0, end));
}

/** What was thrown, without the secrets in what it says. */
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
