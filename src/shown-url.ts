/**
 * A sign-in's address as people, agents and programs see it. Some of them paste it into a shell, and
 * the URL parser keeps `$(…)`, backticks and `;` as they are: servers, whose metadata addresses come
 * from, must not be able to write commands. Percent-encoding (RFC 3986 §2.1) leaves no character that
 * a shell acts on but the `?` and the `&` of the query, and nothing behind these that it would run.
 */
declare const shown: unique symbol;

/** Only `shownUrl` makes them, so that what is typed as one has gone through it. */
export type ShownUrl = string & { readonly [shown]: true };

/** The parser decodes a host again, so that it stays the same one. */
const unusualInHost = /[^\w.:[\]-]/g;
/**
 * All but the unreserved characters, escapes, and the delimiters that shells leave alone. Those that
 * are encoded delimit nothing in http URLs (RFC 9110 §4.2) and in form-encoded queries (RFC 6749 §3.1).
 */
const unusual = /[^\w.~/:@%+,=?-]/g;
/** What a shell takes for an assignment, in a subshell of its own. */
const parameter = /^[A-Za-z_]\w*=/;

export function shownUrl(url: URL): ShownUrl {
  const [first = '', ...others] = url.search.slice(1).split('&');
  const query = [encode(first), ...others.map((part) => encodeBehindAmpersand(part))].join('&');
  const text = [
    `${url.protocol}//${url.host.replace(unusualInHost, percent)}${encode(url.pathname)}`,
    url.search === '' ? '' : `?${query}`,
    url.hash === '' ? '' : `#${encode(url.hash.slice(1))}`,
  ];
  return text.join('') as ShownUrl;
}

function encode(text: string): string {
  return text.replace(unusual, percent);
}

/** A shell runs the first word there: with an escape at its head it is no program's name. */
function encodeBehindAmpersand(part: string): string {
  const clean = encode(part);
  if (parameter.test(clean) || clean === '' || clean.startsWith('%')) return clean;
  // A plus is a space there.
  return percent(clean.slice(0, 1).replace('+', ' ')) + clean.slice(1);
}

function percent(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
