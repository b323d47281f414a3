/**
 * What a relay needs beyond a request of our own: the message as it stands on the wire. The target and
 * the fields go out byte for byte, nothing is added, and the answer keeps its fields, reason and trailers.
 */
import type { Duplex } from 'node:stream';

type Pair = readonly [name: string, value: string];

export interface Wire {
  /** The request target in origin form (RFC 9112 §3.2.1); the request's `url` says what it means. */
  readonly target: string;
  /** The protocol to switch to (RFC 9110 §7.8). */
  readonly upgrade?: string;
  /** Interim answers (RFC 9110 §15.2), which may come any number of times before the answer. */
  readonly onInterim?: (status: number, fields: readonly Pair[]) => void;
}

export interface WireAnswer {
  /** The reason phrase. */
  readonly reason: string;
  readonly fields: readonly Pair[];
  /** Filled when the body has ended. */
  readonly trailers: Readonly<Record<string, string | string[]>>;
  /** The connection itself, after a 101. */
  readonly upgraded?: Duplex;
}

/** From undici's flat list. */
export function pairsOf(flat: readonly string[]): [string, string][] {
  const fields: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) fields.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return fields;
}
