/**
 * Records text from a server, with a placeholder for everything that is not in the vocabulary: `{host-1}`,
 * `{text-1}`, `{percent …}` and `{base64 …}` around encoded text, `{open}` and `{close}` for braces.
 */
import { isLoopback } from '../../../secure-url.ts';
import type { Kind, Placeholders } from './placeholders.ts';
import { isParameterName, isPathSegment, isPublicHost, isWord } from './vocabulary.ts';

export interface Writer {
  readonly names: Placeholders;
  /** A placeholder for a JWT; `undefined` for text that only looks like one. */
  jwt(text: string): string | undefined;
}

const deepest = 4;
const urls = /https?:\/\/[^\s"'<>{}\\]+/gi;
const structures = new RegExp(
  [
    /(?<jwt>(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*)/,
    /(?<person>[^\s"'<>(){}@,;:=/?&%|[\]]{1,64}@[\w-]+(?:\.[\w-]+)+)/,
    /(?<host>(?<![\w.-])(?:localhost(?::\d+)?|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[\da-f:.]{2,45}\](?::\d+)?|(?:[a-z\d_-]+\.)+[a-z]{2,}(?::\d+)?)(?![\w-]))/,
    /(?<encoded>(?<![\w+/-])[\w+/-]{12,}={0,2})/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
);
/** Characters between words that are kept; any white space becomes one space. */
const separators = /[\s"'(),;=[\]|/:!?&<>]/;

/** Any text; unknown parts become as few placeholders as possible. */
export function text(writer: Writer, value: string, depth = 0): string {
  return merge(writer, [...around(writer, value, depth)]);
}

type Piece = { readonly written: string } | { readonly unknown: string } | { readonly gap: string };

function* around(writer: Writer, given: string, depth: number): Generator<Piece> {
  for (const [piece, isUrl] of split(given, urls)) {
    const written = isUrl ? whole(writer, piece, undefined, depth) : undefined;
    if (written === undefined) yield* outsideUrls(writer, piece, depth);
    else yield { written };
  }
}

function* outsideUrls(writer: Writer, given: string, depth: number): Generator<Piece> {
  for (const [part, isKnown] of split(given, writer.names.pattern)) {
    const name = isKnown ? writer.names.known(part) : undefined;
    if (name !== undefined) {
      yield { written: name };
      continue;
    }
    for (const [piece, isStructure] of split(part, structures)) {
      const written = isStructure
        ? (whole(writer, piece, undefined, depth) ?? decoded(writer, piece, depth))
        : undefined;
      if (written === undefined) yield* plain(writer, piece, depth);
      else yield { written };
    }
  }
}

function* plain(writer: Writer, value: string, depth: number): Generator<Piece> {
  for (const [piece, isGap] of split(value, new RegExp(`${separators.source}+|[{}]`, 'g'))) {
    if (isGap) {
      if (piece === '{') yield { written: '{open}' };
      else if (piece === '}') yield { written: '{close}' };
      else yield { gap: piece.replace(/\s+/g, ' ') };
      continue;
    }
    const end = /[.]*$/.exec(piece)?.[0] ?? '';
    const word = piece.slice(0, piece.length - end.length);
    const written =
      word === '' || isWord(word)
        ? word
        : (writer.names.known(word) ?? decoded(writer, word, depth));
    if (written === undefined) yield { unknown: piece };
    else yield { written: written + end };
  }
}

/** Adjacent unknown words, with what is between them, are one value. */
function merge({ names }: Writer, pieces: readonly Piece[]): string {
  let out = '';
  let run = '';
  let gap = '';
  const flush = () => {
    if (run !== '') out += names.nameOf('text', run);
    out += gap;
    run = '';
    gap = '';
  };
  for (const piece of pieces) {
    if ('gap' in piece) gap += piece.gap;
    else if ('unknown' in piece) {
      if (run === '') flush();
      run += gap + piece.unknown;
      gap = '';
    } else {
      flush();
      out += piece.written;
    }
  }
  flush();
  return out;
}

/** A word that is another text in encoded form. */
function decoded(writer: Writer, word: string, depth: number): string | undefined {
  if (depth >= deepest) return undefined;
  const plainText = percentDecoded(word);
  if (plainText !== undefined) return `{percent ${value(writer, plainText, undefined, depth + 1)}}`;
  for (const encoding of ['base64', 'base64url'] as const) {
    if (word.length < 12 || !/^[\w+/-]+={0,2}$/.test(word)) return undefined;
    const bytes = Buffer.from(word, encoding);
    const inner = bytes.toString('utf8');
    const isText = /^[\x20-\x7e]+$/.test(inner);
    if (isText && bytes.toString(encoding) === word) {
      return `{${encoding} ${value(writer, inner, undefined, depth + 1)}}`;
    }
  }
  return undefined;
}

function percentDecoded(word: string): string | undefined {
  if (!/%[\da-f]{2}/i.test(word)) return undefined;
  try {
    return decodeURIComponent(word);
  } catch {
    return undefined;
  }
}

/** A single value, such as a member of a document. `kind`: its kind, if its place shows it. */
export function value(writer: Writer, given: string, kind?: Kind, depth = 0): string {
  if (given === '') return '';
  return whole(writer, given, kind, depth) ?? text(writer, given, depth);
}

function whole(writer: Writer, given: string, kind: Kind | undefined, depth: number) {
  const { names } = writer;
  if (isPublicHost(given)) return given;
  const known = names.known(given);
  if (known !== undefined) return known;
  if (/^https?:\/\/[^\s"'<>{}\\]+$/i.test(given)) return address(writer, given, depth);
  const jwt = /^eyJ[\w.-]+$/.test(given) ? writer.jwt(given) : undefined;
  if (jwt !== undefined) return jwt;
  if (kind !== undefined) return names.nameOf(kind, given);
  if (/^[^\s"'<>(){}@,;:=/?&%|[\]]+@[\w-]+(?:\.[\w-]+)+$/.test(given)) {
    return names.nameOf('person', given);
  }
  if (/^[\da-f]{64}$/i.test(given)) return names.nameOf('aud', given);
  if (/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(given)) return names.nameOf('id', given);
  if (isHost(given)) return names.nameOf('host', given);
  if (/^\/(?!\/)[^\s"'<>{}\\]*$/.test(given)) return pathAndQuery(writer, given, depth);
  return undefined;
}

function isHost(given: string): boolean {
  // Not `exec`, whose `lastIndex` would affect the next match.
  const [found] = given.matchAll(structures);
  return found?.groups?.host === given;
}

/** An absolute URL. Loopback is written as https, so that recordings of it can be compared. */
function address(writer: Writer, given: string, depth: number): string | undefined {
  if (!URL.canParse(given)) return undefined;
  const url = new URL(given);
  if (url.username !== '' || url.password !== '') return undefined;
  const scheme = isLoopback(url) ? 'https' : url.protocol.slice(0, -1);
  const host = isPublicHost(url.host) ? url.host : writer.names.nameOf('host', url.host);
  const bare = !/^https?:\/\/[^/]*\//i.test(given) && url.pathname === '/';
  const rest = pathAndQuery(writer, url.pathname + url.search + url.hash, depth);
  return `${scheme}://${host}${bare ? rest.replace(/^\//, '') : rest}`;
}

/** `/path?query#fragment`; only segments and names of Access are kept. */
export function pathAndQuery(writer: Writer, given: string, depth = 0): string {
  const [, path = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(given) ?? [];
  const segments = path.split('/').map((segment) => segmentOf(writer, segment, depth));
  const pairs = query?.split('&').map((pair) => {
    const at = pair.indexOf('=');
    const [name, after] = at < 0 ? [pair, undefined] : [pair.slice(0, at), pair.slice(at + 1)];
    const written = name === '' || isParameterName(name) ? name : writer.names.nameOf('name', name);
    return after === undefined ? written : `${written}=${queryValue(writer, after, depth)}`;
  });
  return [
    segments.join('/'),
    ...(pairs ? ['?', pairs.join('&')] : []),
    ...(fragment === undefined ? [] : ['#', fragment && writer.names.nameOf('text', fragment)]),
  ].join('');
}

function segmentOf(writer: Writer, segment: string, depth: number): string {
  if (segment === '' || isPathSegment(segment)) return segment;
  const { names } = writer;
  const known = names.known(segment);
  if (known !== undefined) return known;
  if (isHost(segment) && segment.includes(':')) return names.nameOf('host', segment);
  const inner = depth < deepest ? percentDecoded(segment) : undefined;
  if (inner !== undefined && names.known(inner) !== undefined) {
    return `{percent ${names.known(inner)}}`;
  }
  return names.nameOf('path', segment);
}

function queryValue(writer: Writer, raw: string, depth: number): string {
  if (raw === '') return '';
  const inner = depth < deepest ? percentDecoded(raw.replaceAll('+', '%20')) : undefined;
  if (inner !== undefined) return `{percent ${value(writer, inner, undefined, depth + 1)}}`;
  const written = whole(writer, raw, undefined, depth);
  if (written !== undefined) return written;
  return isWord(raw) ? raw : (decoded(writer, raw, depth) ?? writer.names.nameOf('text', raw));
}

/** The parts of `given` in order, each with whether it matches `pattern`, which is global. */
function* split(given: string, pattern: RegExp | undefined): Generator<[string, boolean]> {
  let at = 0;
  for (const match of pattern === undefined ? [] : given.matchAll(pattern)) {
    if (match.index > at) yield [given.slice(at, match.index), false];
    yield [match[0], true];
    at = match.index + match[0].length;
  }
  if (at < given.length) yield [given.slice(at), false];
}
