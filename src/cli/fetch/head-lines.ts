/** An answer's status line and fields in text, without what is Access's own. */
import { STATUS_CODES } from 'node:http';
import type { HopAnswer } from '../../http/hops.ts';
import { isAccessCookie } from '../../secrets/access-cookies.ts';

/** Lines without their ends. Field names are in lower case and sorted: the order is not known here. */
export function headLines({ status, headers }: HopAnswer): string[] {
  const fields = [...headers].filter(
    ([name, value]) => name !== 'set-cookie' || !isAccessCookie(value.split('=')[0] ?? ''),
  );
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
}
