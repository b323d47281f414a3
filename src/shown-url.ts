/**
 * A sign-in's address in the form in which people, agents and programs see it. Some of them paste it into
 * a shell, and the URL parser leaves `$(…)`, backticks and `;` as they are; but the address comes from a
 * server's metadata, and a server must not be able to write commands. Percent-encoding (RFC 3986 §2.1)
 * leaves no character that a shell acts on except the `?` and the `&` of the query, and nothing after
 * these that it would run.
 */
declare const shown: unique symbol;

/** Only `shownUrl` makes values of this type. */
export type ShownUrl = string & { readonly [shown]: true };

/** URL parsers decode percent-encoding in a host, so the host stays the same. */
const unusualInHost = /[^\w.:[\]-]/g;
/**
 * Everything except unreserved characters, escapes, and delimiters that shells ignore. The delimiters that
 * are encoded have no meaning in http URLs (RFC 9110 §4.2) and form-encoded queries (RFC 6749 §3.1).
 */
const unusual = /[^\w.~/:@%+,=?-]/g;
/** A shell takes this for an assignment, in a subshell of its own. */
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

/**
 * After a `&`, a shell runs the first word as a command. With an escape at its beginning it is not the
 * name of a program.
 */
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
