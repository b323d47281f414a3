/**
 * Records JSON documents and the contents of tokens: the known members, with placeholders for their
 * values.
 */
import type { Kind } from './placeholders.ts';
import { isInstantName, isMemberName, isNumberName } from './vocabulary.ts';
import { value, type Writer } from './words.ts';

export type Written =
  | string
  | number
  | boolean
  | null
  | readonly Written[]
  | { readonly [name: string]: Written };

/** The kind of value that a member has, where the value itself does not show it. */
const kinds: Readonly<Record<string, Kind>> = {
  kid: 'key',
  n: 'modulus',
  sub: 'id',
  identity_nonce: 'id',
  app_session_hash: 'id',
  common_name: 'id',
  service_token_id: 'id',
  ray_id: 'ray',
};

const deepest = 16;

/** Instants are written as seconds relative to `now` (milliseconds). */
export function document(writer: Writer, given: unknown, now: number): Written {
  return written(writer, given, now, '', 0);
}

function written(
  writer: Writer,
  given: unknown,
  now: number,
  member: string,
  depth: number,
): Written {
  if (depth > deepest) return null;
  if (given === null || typeof given === 'boolean') return given;
  if (typeof given === 'number') return number(writer, given, now, member);
  if (typeof given === 'string') return value(writer, given, kinds[member]);
  if (Array.isArray(given)) {
    return given.map((each) => written(writer, each, now, member, depth + 1));
  }
  return Object.fromEntries(
    Object.entries(given as object).map(([name, each]) => [
      isMemberName(name) ? name : writer.names.nameOf('name', name),
      written(writer, each, now, name, depth + 1),
    ]),
  );
}

function number(writer: Writer, given: number, now: number, member: string): Written {
  if (isInstantName(member)) return instant(given * 1000, now);
  const isPlain = Number.isSafeInteger(given) && given >= 0 && given < 10_000_000;
  return isNumberName(member) && isPlain ? given : writer.names.nameOf('number', String(given));
}

/** Rounded to ten seconds, so that the duration of a request is not visible. */
export function instant(at: number, now: number): string {
  const seconds = Math.round((at - now) / 10_000) * 10;
  if (!Number.isFinite(seconds) || Math.abs(seconds) > 1e10) return '{never}';
  return seconds === 0 ? '{now}' : `{now${seconds > 0 ? '+' : ''}${seconds}}`;
}
