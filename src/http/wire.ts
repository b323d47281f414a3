/**
 * What the relay needs in addition to a request: the message as it appears on the wire. The target and the
 * fields are sent byte for byte, nothing is added, and the answer keeps its fields, reason phrase and
 * trailers.
 */
import type { Duplex } from 'node:stream';

type Pair = readonly [name: string, value: string];

export interface Wire {
  /** The request target in origin form (RFC 9112 §3.2.1); the request's `url` is its parsed form. */
  readonly target: string;
  /** The protocol to switch to (RFC 9110 §7.8). */
  readonly upgrade?: string;
  /** Called for each interim response (RFC 9110 §15.2). */
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
