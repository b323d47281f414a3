/** An answer's status line and header fields as text, without Access's own cookies. */
import { STATUS_CODES } from 'node:http';
import type { HopAnswer } from '../../http/hops.ts';
import { isAccessCookie } from '../../secrets/access-cookies.ts';

/**
 * Lines without line breaks. Field names are in lower case and sorted, because the original order is not
 * available.
 */
export function headLines({ status, headers }: HopAnswer): string[] {
  const fields = [...headers].filter(
    ([name, value]) => name !== 'set-cookie' || !isAccessCookie(value.split('=')[0] ?? ''),
  );
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
}
