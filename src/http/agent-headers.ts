/**
 * The header fields that an agent may set on a request (contract §2): all except those meant for
 * Cloudflare Access, for proxies or for the connection. Refused before anything is sent, with a list of
 * all offenders.
 */
import { AccessError } from '../errors.ts';
import { isAccessCookie } from '../secrets/access-cookies.ts';
import { quoteServerText } from '../server-text.ts';
import { decodableCodings } from './content-coding.ts';
import type { Field } from './next-hop.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/; // RFC 9110 §5.6.2
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const forbiddenInValue = /[\u0000-\u0008\u000a-\u001f\u007f]/; // §5.5
const maxTotalLength = 32 * 1024;

/** Names that belong to the connection (§7.6.1), to routing, or to this server. */
const ours: Readonly<Record<string, string>> = {
  host: 'it follows from the URL',
  'content-length': 'it follows from the body',
  'transfer-encoding': 'it belongs to the connection',
  connection: 'it belongs to the connection',
  'keep-alive': 'it belongs to the connection',
  te: 'it belongs to the connection',
  trailer: 'it belongs to the connection',
  upgrade: 'it belongs to the connection',
  'http2-settings': 'it belongs to the connection',
  expect: 'it belongs to the connection',
  via: 'it belongs to proxies',
  cookie2: 'no server reads it',
};

/**
 * The fields to send: names in lower case, values as UTF-8 bytes. Throws `invalid_input` for malformed
 * header fields and `header_not_allowed` for those that an agent may not set; both list all offenders.
 */
export function checkAgentHeaders(headers: Readonly<Record<string, string>>): Field[] {
  const fields = Object.entries(headers).map(([name, value]): Field => [name.toLowerCase(), value]);
  const malformed = fields.flatMap(([name, value], at) => {
    if (!token.test(name)) return [`${quoteServerText(name)} is not a header name`];
    if (forbiddenInValue.test(value))
      return [`the value of ${name} holds a line break or another control character`];
    if (fields.findIndex(([other]) => other === name) !== at) return [`${name} is given twice`];
    return [];
  });
  const length = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (length > maxTotalLength)
    malformed.push(
      `together they are ${length} characters long, and ${maxTotalLength} is the most`,
    );
  if (malformed.length > 0) {
    throw new AccessError(
      'invalid_input',
      `These headers cannot be sent: ${malformed.join('; ')}.`,
      [{ do: 'correct_input', with: 'these headers corrected' }],
    );
  }
  const refused = fields.flatMap(([name, value]) => {
    const reason = whyRefused(name, value);
    return reason ? [`${name} (${reason})`] : [];
  });
  if (refused.length > 0) {
    throw new AccessError(
      'header_not_allowed',
      `These headers cannot be set: ${refused.join('; ')}.`,
      [{ do: 'leave_out', what: 'these headers' }],
    );
  }
  return fields.map(([name, value]) => [
    name,
    Buffer.from(value.trim(), 'utf8').toString('latin1'),
  ]);
}

/**
 * For a resource whose credential is sent in `Authorization` (Managed OAuth). `otherwise`: why it does not
 * travel in another field.
 */
export function authorizationIsOurs(url: URL, otherwise = ''): AccessError {
  return new AccessError(
    'header_not_allowed',
    `The Authorization header cannot be set for ${url.host}: Access’s own credential travels in it (Managed OAuth). ${otherwise}`.trim(),
    [
      { do: 'leave_out', what: 'it' },
      { when: 'own_authorization', do: 'use_service_token', host: url.host },
    ],
  );
}

function whyRefused(name: string, value: string): string | undefined {
  // Many servers pass `cf_access_x` and `cf-access-x` to the application as the same variable (CGI, WSGI).
  const dashed = name.replace(/_/g, '-');
  if (dashed.startsWith('cf-')) return 'only Cloudflare and cloudflare-access-mcp set it';
  if (dashed.startsWith('proxy-')) return 'it belongs to proxies';
  if (Object.hasOwn(ours, dashed)) return ours[dashed];
  if (name === 'cookie') {
    const access = accessCookies(value);
    return access.length > 0
      ? `it holds ${access.join(', ')}, which only cloudflare-access-mcp sends`
      : undefined;
  }
  if (name === 'accept-encoding') {
    const unknown = value
      .split(',')
      .map((coding) => coding.split(';')[0]?.trim().toLowerCase() ?? '')
      .filter(
        (coding) => coding !== '' && coding !== 'identity' && !decodableCodings.includes(coding),
      );
    return unknown.length > 0
      ? `only ${decodableCodings.join(', ')} and identity can be decoded`
      : undefined;
  }
  return undefined;
}

/** Names of Access's cookies, wherever a lenient parser might find one: after `;` or `,`, or in quotes. */
function accessCookies(value: string): string[] {
  return value
    .split(/[;,"'\s]+/)
    .map((pair) => pair.split('=')[0]?.trim() ?? '')
    .filter(isAccessCookie);
}
