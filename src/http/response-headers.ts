/**
 * The header fields of an answer that an agent may see: no cookies, none of Access's own, and no more than
 * a model can use. A field's bytes arrive as Latin-1 (WHATWG Fetch); most that are not ASCII are really
 * UTF-8.
 */

import type { Concealed, Concealer } from '../secrets/concealer.ts';
import type { Fields } from './fields.ts';

export interface VisibleHeaders {
  readonly headers: Readonly<Record<string, Concealed<string>>>;
  /** Names of fields left out or truncated because of their size. */
  readonly shortened: readonly string[];
}

const hidden =
  /^(?:set-cookie2?$|cf-access-|cf_|cf-authorization$|authorization$|proxy-|connection$|keep-alive$|transfer-encoding$|trailer$|upgrade$)/;

/**
 * Meant for browsers, long, and rarely of interest: placed last, so that they are the first to be left
 * out.
 */
const browsersOwn =
  /^(?:content-security-policy|permissions-policy|feature-policy|report-to|reporting-endpoints|nel|alt-svc|strict-transport-security|expect-ct|cross-origin-|x-xss-protection|p3p|accept-ch|origin-trial|document-policy)/;

const maxValueLength = 1000;
const maxTotalLength = 6000;
const maxFields = 60;

export function responseHeaders(headers: Fields, concealer: Concealer): VisibleHeaders {
  const fields = [...headers].filter(([name]) => !hidden.test(name));
  const forAll: typeof fields = [];
  const forBrowsers: typeof fields = [];
  for (const field of fields) (browsersOwn.test(field[0]) ? forBrowsers : forAll).push(field);
  const ordered = [...forAll, ...forBrowsers];
  const names = concealer.texts(ordered.map(([name]) => name));
  const values = concealer.texts(ordered.map(([, value]) => clean(fieldText(value))));
  const shown: [string, Concealed<string>][] = [];
  const shortened: string[] = [];
  let total = 0;
  for (const [at, [plainName]] of ordered.entries()) {
    const name = names[at] ?? concealer.text(plainName);
    const whole = values[at] ?? concealer.text('');
    const value = hideAccessQuery(whole);
    const cut =
      value.length > maxValueLength
        ? `${[...value.slice(0, maxValueLength)].slice(0, -1).join('')}…`
        : value;
    total += plainName.length + cut.length;
    if (shown.length >= maxFields || total > maxTotalLength || plainName.length > 200) {
      total -= plainName.length + cut.length;
      if (shortened.length < maxFields) shortened.push(name.slice(0, 100));
      continue;
    }
    if (cut !== value) shortened.push(name);
    shown.push([name, cut === whole ? whole : concealer.text(cut)]);
  }
  return { headers: Object.fromEntries(shown), shortened };
}

/** A field's value as text: UTF-8 if its bytes are valid UTF-8, else Latin-1. */
export function fieldText(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

/** Access's own redirects carry one-time values (`meta`, `nonce`, `state`, tokens) in their query. */
export function hideAccessQuery(url: string): string {
  if (!url.includes('/cdn-cgi/access/')) return url;
  // The query is optional in the pattern so that a path without one is consumed as a whole, which keeps
  // this linear.
  return url.replace(
    /(\/cdn-cgi\/access\/[^?#\s]*)(\?[^\s"<>]*)?/g,
    (_, path: string, query?: string) => (query === undefined ? path : `${path}?…`),
  );
}

function clean(value: string): string {
  if (/^[!-~][ -~]*[!-~]$/.test(value)) return value;
  return value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
}
