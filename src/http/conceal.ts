/**
 * Cuts our credentials out of what an origin echoes: verbatim and in the encodings that debugging pages
 * and proxies use. A fence against accidents: an origin that means to leak its own credential can.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { AccessError, isAccessError } from '../errors.ts';
import { createNeedles, type Needles } from './needles.ts';
import { release } from './receive-buffers.ts';

export interface Concealer {
  /** False when there is nothing to look for: then the rest costs nothing. */
  readonly active: boolean;
  text(value: string): string;
  /** Whether a form of a secret is in `value`, in whatever case: schemes and hosts lose theirs. */
  isIn(value: string): boolean;
  bytes(value: Buffer): Buffer;
  /** Constant memory: holds back at most the length of the longest form. */
  stream(): Transform;
}

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

export function createConcealer(secrets: readonly string[]): Concealer {
  const forms = [...new Set([...secrets].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  let needles: Needles | undefined;
  // Made when bytes are to be searched, not for the small texts of every call.
  const search = () => {
    needles ??= createNeedles(forms.map((form) => Buffer.from(form)));
    return needles;
  };
  return {
    active: forms.length > 0,
    text: (value) =>
      forms.reduce(
        (clean, form) => (clean.includes(form) ? clean.replaceAll(form, mark) : clean),
        value,
      ),
    isIn: (value) => {
      const lower = value.toLowerCase();
      return forms.some((form) => lower.includes(form.toLowerCase()));
    },
    bytes: (value) => (forms.length === 0 ? value : cut(value, search(), value.length).done),
    stream: () => new ConcealingStream(search()),
  };
}

class ConcealingStream extends Transform {
  readonly #needles: Needles;
  #held: Buffer = Buffer.alloc(0);

  constructor(needles: Needles) {
    // Wide enough for the network and the disk not to wait for each other.
    super({ highWaterMark: 512 * 1024 });
    this.#needles = needles;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#needles.count === 0) {
      callback(null, chunk);
      return;
    }
    const input = this.#withHeld(chunk);
    // What begins near the end may go on in the next chunk, if it is a beginning.
    const { done, rest } = cut(input, this.#needles, this.#needles.unfinished(input));
    this.#held = copied(rest);
    callback(null, done);
  }

  /** What is left to look at in `chunk` when all that begins in what was held is done. */
  #withHeld(chunk: Buffer): Buffer {
    const held = this.#held;
    const { longest } = this.#needles;
    if (held.length === 0) return chunk;
    if (chunk.length <= longest) return Buffer.concat([held, chunk]);
    const seam = Buffer.concat([held, chunk.subarray(0, longest)]);
    const { done, rest } = cut(seam, this.#needles, held.length);
    this.push(done);
    const used = longest - rest.length;
    release(chunk.subarray(0, used));
    return chunk.subarray(used);
  }

  override _flush(callback: TransformCallback): void {
    const { done } = cut(this.#held, this.#needles, this.#held.length);
    callback(null, done);
  }
}

function copied(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  release(bytes);
  return copy;
}

/**
 * `input` without the needles that begin before `until`, and what is left to look at: from `until`,
 * or from the end of a needle that reaches beyond it.
 */
function cut(input: Buffer, needles: Needles, until: number): { done: Buffer; rest: Buffer } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const found = needles.find(input, at);
    if (found === undefined || found.at >= until) break;
    parts.push(input.subarray(at, found.at), Buffer.from(mark));
    at = found.at + found.length;
  }
  const end = Math.max(at, until);
  if (parts.length === 0) return { done: input.subarray(0, end), rest: input.subarray(end) };
  parts.push(input.subarray(at, end));
  return { done: Buffer.concat(parts), rest: input.subarray(end) };
}

/** The ways in which one secret may appear in an answer. */
function formsOf(secret: string): string[] {
  if (secret.length < minLength) return [];
  const bytes = Buffer.from(secret);
  const percent = encodeURIComponent(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const hex = bytes.toString('hex');
  const inBase64 = [0, 1, 2].map((offset) => base64Core(bytes, offset));
  return [
    secret,
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    percent.replace(/%3A/g, ':'),
    json,
    json.replace(/\//g, '\\/'),
    json.replace(
      /[=&<>'+/]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    secret.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
    secret.replace(
      /[/=`]/g,
      (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`,
    ),
    hex,
    hex.toUpperCase(),
    ...inBase64,
    ...inBase64.map((form) => form.replace(/\+/g, '-').replace(/\//g, '_')),
  ].filter((form) => form.length >= minLength);
}

/**
 * The part of a longer text's base64 that depends on `bytes` alone, when they begin at `offset` modulo 3
 * (RFC 4648 §4: six bits a character).
 */
function base64Core(bytes: Buffer, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + bytes.length) * 8) / 6);
  return whole.slice(from, to);
}

/** What was thrown, without the secrets in what it says. */
export function concealFailure(error: unknown, { active, text }: Concealer): unknown {
  if (!active || !isAccessError(error)) return error;
  const details = Object.entries(error.details).map(([name, value]) => [
    name,
    typeof value === 'string' ? text(value) : value,
  ]);
  return new AccessError(error.code, text(error.message), text(error.nextStep), {
    details: Object.fromEntries(details),
    cause: error,
  });
}
