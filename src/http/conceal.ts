/**
 * Cuts our credentials out of what an origin echoes: verbatim and in the encodings that debugging pages
 * and proxies use. A fence against accidents: an origin that means to leak its own credential can.
 */
import { Transform, type TransformCallback } from 'node:stream';

export interface Concealer {
  /** False when there is nothing to look for: then the rest costs nothing. */
  readonly active: boolean;
  text(value: string): string;
  bytes(value: Buffer): Buffer;
  /** Constant memory: holds back at most the length of the longest form. */
  stream(): Transform;
}

const mark = '[redacted]';

/** Shorter ones are no secrets, and would turn up everywhere. */
const minLength = 6;

export function createConcealer(secrets: Iterable<string>): Concealer {
  const forms = [...new Set([...secrets].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const needles = forms.map((form) => Buffer.from(form));
  const longest = needles[0]?.length ?? 0;
  return {
    active: forms.length > 0,
    text: (value) =>
      forms.reduce(
        (clean, form) => (clean.includes(form) ? clean.replaceAll(form, mark) : clean),
        value,
      ),
    bytes: (value) => (needles.length === 0 ? value : cut(value, needles, value.length).done),
    stream: () => new ConcealingStream(needles, longest),
  };
}

class ConcealingStream extends Transform {
  readonly #needles: readonly Buffer[];
  readonly #longest: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(needles: readonly Buffer[], longest: number) {
    // Wide enough for the network and the disk not to wait for each other.
    super({ highWaterMark: 512 * 1024 });
    this.#needles = needles;
    this.#longest = longest;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#needles.length === 0) {
      callback(null, chunk);
      return;
    }
    const input = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    // What begins in the last `longest - 1` bytes may go on in the next chunk, if it is a beginning.
    const { done, rest } = cut(
      input,
      this.#needles,
      firstBeginning(input, this.#needles, this.#longest),
    );
    this.#held = Buffer.from(rest);
    callback(null, done);
  }

  override _flush(callback: TransformCallback): void {
    const { done } = cut(this.#held, this.#needles, this.#held.length);
    callback(null, done);
  }
}

/** Where the earliest needle begins that `input` ends in the middle of; its length when there is none. */
function firstBeginning(input: Buffer, needles: readonly Buffer[], longest: number): number {
  for (let at = Math.max(0, input.length - longest + 1); at < input.length; at += 1) {
    const length = input.length - at;
    for (const needle of needles) {
      if (needle.length <= length || needle[0] !== input[at]) continue;
      if (needle.compare(input, at, input.length, 0, length) === 0) return at;
    }
  }
  return input.length;
}

/**
 * `input` without the needles that begin before `until`, and what is left to look at: from `until`,
 * or from the end of a needle that reaches beyond it.
 */
function cut(
  input: Buffer,
  needles: readonly Buffer[],
  until: number,
): { done: Buffer; rest: Buffer } {
  const next = needles.map((needle) => input.indexOf(needle));
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    // The first to begin; among those that begin together the longest, which comes first.
    let found = -1;
    for (const [index, needle] of needles.entries()) {
      let position = next[index] ?? -1;
      if (position !== -1 && position < at) {
        position = input.indexOf(needle, at);
        next[index] = position;
      }
      if (position !== -1 && (found === -1 || position < (next[found] ?? 0))) found = index;
    }
    const position = next[found] ?? -1;
    if (found === -1 || position >= until) break;
    parts.push(input.subarray(at, position), Buffer.from(mark));
    at = position + (needles[found]?.length ?? 0);
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
