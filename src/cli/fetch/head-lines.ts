/** An answer's status line and header fields as text, without Access's own cookies. */
import { STATUS_CODES } from 'node:http';
import type { HopAnswer } from '../../http/hops.ts';
import { isAccessCookie } from '../../secrets/access-cookies.ts';

/**
 * Lines without line breaks. Field names are in lower case and sorted, because the original order is not
 * available.
 */
export function headLines(answer: HopAnswer): string[] {
  const { status } = answer;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
    ...shownFields(answer).map(([name, value]) => `${name}: ${value}`),
  ];
}

/** Names in lower case, and values. */
export function shownFields({ headers }: HopAnswer): [name: string, value: string][] {
  return [...headers].filter(
    ([name, value]) => name !== 'set-cookie' || !isAccessCookie(value.split('=')[0] ?? ''),
  );
}
