/** Records header fields: known ones, each by its own rule; others are only counted. */

import type { Fields as AnswerFields } from '../../../http/fields.ts';
import { instant } from './documents.ts';
import type { Kind } from './placeholders.ts';
import { isCookieName } from './vocabulary.ts';
import { pathAndQuery, text, value, type Writer } from './words.ts';

export type Field = readonly [name: string, value: string];

export interface Fields {
  readonly known: readonly Field[];
  /** The number of other fields, by the prefix of their names. */
  readonly others: { readonly 'cf-access': number; readonly cf: number; readonly any: number };
}

/**
 * Milliseconds since the epoch: when the server made the answer, by its clock, and when it arrived, by
 * ours.
 */
interface Times {
  readonly server: number;
  readonly own: number;
}

type Rule = (writer: Writer, given: string, times: Times) => string;

const words: Rule = (writer, given) => text(writer, given);
const as =
  (kind: Kind): Rule =>
  (writer, given) =>
    value(writer, given, kind);

const rules: Readonly<Record<string, Rule>> = {
  'access-control-allow-credentials': words,
  'access-control-allow-headers': words,
  'access-control-allow-methods': words,
  'access-control-allow-origin': words,
  allow: words,
  'cache-control': words,
  'cf-access-aud': as('aud'),
  'cf-access-domain': domain,
  'cf-access-error': words,
  'cf-access-metadata': as('token'),
  'cf-cache-status': words,
  'cf-mitigated': words,
  'cf-ray': as('ray'),
  'content-type': words,
  date: (_writer, given, { own }) => (Number.isNaN(Date.parse(given)) ? '' : date(given, own)),
  location: (writer, given) =>
    given.startsWith('/') && !given.startsWith('//')
      ? pathAndQuery(writer, given)
      : value(writer, given),
  pragma: words,
  'referrer-policy': words,
  server: words,
  'set-cookie': cookie,
  vary: words,
  'www-authenticate': words,
  'x-content-type-options': words,
  'x-frame-options': words,
};

/** Fields that concern the connection, or the length of the body. */
const transport = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'transfer-encoding',
]);

export function fields(writer: Writer, headers: AnswerFields, times: Times): Fields {
  const known: Field[] = [];
  const others = { 'cf-access': 0, cf: 0, any: 0 };
  for (const [name, given] of headers) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule !== undefined) known.push([name, rule(writer, given, times)]);
    else if (name.startsWith('cf-access-')) others['cf-access'] += 1;
    else if (name.startsWith('cf-')) others.cf += 1;
    else if (!transport.has(name)) others.any += 1;
  }
  return { known, others };
}

/** Rounded to a minute, since an answer takes less than that to arrive. */
function date(given: string, now: number): string {
  const minutes = Math.round((Date.parse(given) - now) / 60_000);
  return instant(now + minutes * 60_000, now);
}

/** `host[/path]`. */
function domain(writer: Writer, given: string): string {
  const [, host = '', path = ''] = /^([^/]*)(.*)$/s.exec(given) ?? [];
  return (host && writer.names.nameOf('host', host)) + pathAndQuery(writer, path);
}

function cookie(writer: Writer, given: string, { server }: Times): string {
  const [pair = '', ...attributes] = given.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const name = at < 0 ? pair : pair.slice(0, at);
  const content = at < 0 ? '' : pair.slice(at + 1);
  const writtenName = isCookieName(name) ? name : writer.names.nameOf('name', name);
  return [
    `${writtenName}=${value(writer, content, 'cookie')}`,
    ...attributes.map((attribute) => cookieAttribute(writer, attribute, server)),
  ].join('; ');
}

function cookieAttribute(writer: Writer, attribute: string, now: number): string {
  const [, name = '', given = ''] = /^([^=]*)=?(.*)$/s.exec(attribute) ?? [];
  switch (name.toLowerCase()) {
    case 'expires':
      return `Expires=${Number.isNaN(Date.parse(given)) ? '{never}' : instant(Date.parse(given), now)}`;
    case 'max-age':
      return `Max-Age=${/^-?\d{1,9}$/.test(given) ? instant(now + Number(given) * 1000, now) : '{never}'}`;
    case 'path':
      return `Path=${pathAndQuery(writer, given)}`;
    case 'domain':
      return `Domain=${value(writer, given.replace(/^\./, ''), 'host')}`;
    case 'samesite':
      return `SameSite=${text(writer, given)}`;
    case 'httponly':
      return 'HttpOnly';
    case 'secure':
      return 'Secure';
    case 'partitioned':
      return 'Partitioned';
    default:
      return text(writer, attribute);
  }
}
