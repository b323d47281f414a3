/** Builds the request from the command line. */
import { acceptMarkdown } from '../../answer/readable.ts';
import { applicationOf } from '../../cloudflare/pasted-login.ts';
import { AccessError } from '../../errors.ts';
import { checkAgentHeaders } from '../../http/agent-headers.ts';
import { acceptEncoding } from '../../http/content-coding.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import type { RepeatableBody } from '../../http/request-body.ts';
import { targetUrl } from '../../tools/target-url.ts';
import { withScheme } from '../terminal/address.ts';
import { dataPieces } from './body/data.ts';
import { bodyOf, readPiece, wholeOf } from './body/pieces.ts';
import { nameInto, uploadOf } from './body/upload.ts';
import { CurlFailure } from './exit-code.ts';
import { conditionField, type TimeCondition, timeCondition } from './modified.ts';
import type { FetchOptions } from './options.ts';
import type { Transfer } from './transfers.ts';

export interface FetchRequest extends HopRequest {
  readonly condition?: TimeCondition;
  /** The body can be sent a single time. */
  readonly once: boolean;
  /** The URL was given as the address of Access's login page. */
  readonly isPastedLogin: boolean;
}

/** Throws CurlFailure, `https_required`, `invalid_input` and `header_not_allowed`. */
export async function buildRequest(
  { url: text, upload }: Transfer,
  options: FetchOptions,
): Promise<FetchRequest> {
  const { url, user, isPastedLogin } = readUrl(text);
  if (upload !== undefined) nameInto(url, upload);
  await addQuery(url, options.query);
  const content = await contentOf(url, upload, options);
  const { body, once = false } = content;
  const implied = options.head ? 'HEAD' : upload !== undefined ? 'PUT' : body ? 'POST' : 'GET';
  const method = options.request ?? implied;
  if (!/^[A-Za-z]{1,20}$/.test(method) || /^(?:connect|trace)$/i.test(method)) {
    throw misused(`${method} is not a method that is sent.`);
  }
  const headers = new Map<string, string>();
  // Without --compressed, curl sends no Accept-Encoding and prints what arrives. `identity` yields the
  // same bytes.
  headers.set('accept-encoding', options.compressed ? acceptEncoding : 'identity');
  if (options.markdown) headers.set('accept', acceptMarkdown);
  if (options.data.some(({ kind }) => kind === 'json')) headers.set('accept', 'application/json');
  if (content.type !== undefined) headers.set('content-type', content.type);
  if (options.range !== undefined) headers.set('range', `bytes=${wholeRange(options.range)}`);
  const condition =
    options.timeCond === undefined ? undefined : await timeCondition(options.timeCond);
  if (condition) headers.set(...conditionField(condition));
  if (options.userAgent !== undefined) headers.set('user-agent', options.userAgent);
  if (options.referer !== undefined) headers.set('referer', options.referer);
  const credentials = options.user ?? user;
  if (credentials !== undefined) {
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  }
  // What holds no “=” is the name of a file of cookies.
  const cookies = (options.cookie ?? []).filter((each) => each.includes('='));
  if (cookies.length > 0) headers.set('cookie', cookies.join(';'));
  if (options.oauth2Bearer !== undefined) {
    headers.set('authorization', `Bearer ${options.oauth2Bearer}`);
  }
  const given = readFields(await linesOf(options.header ?? []));
  for (const name of given.without) if (name !== 'accept-encoding') headers.delete(name);
  for (const [name, value] of given.fields) headers.set(name, value);
  const type = headers.get('content-type');
  if (content.boundary !== undefined && type !== undefined) {
    headers.set('content-type', `${type}; boundary=${content.boundary}`);
  }
  return {
    method,
    url,
    headers: checkAgentHeaders(Object.fromEntries(headers)),
    ...(body ? { body } : {}),
    ...(condition ? { condition } : {}),
    once,
    isPastedLogin,
  };
}

interface Content {
  readonly body?: RepeatableBody;
  readonly type?: string;
  /** Belongs behind the media type, also behind one that was given. */
  readonly boundary?: string;
  readonly once?: boolean;
}

/** With --get the data is put into the URL instead. */
async function contentOf(
  url: URL,
  upload: string | undefined,
  { data, form, get }: FetchOptions,
): Promise<Content> {
  if (upload !== undefined) return uploadOf(upload);
  if (form.length > 0) {
    const { multipart } = await import('./body/multipart.ts');
    const { boundary, pieces } = await multipart(form);
    return { body: bodyOf(pieces), type: 'multipart/form-data', boundary };
  }
  const pieces = await dataPieces(data);
  if (pieces.length === 0) return {};
  if (get) {
    addToQuery(url, await wholeOf(pieces));
    return {};
  }
  const isJson = data.some(({ kind }) => kind === 'json');
  const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded';
  return { body: bodyOf(pieces), type };
}

async function addQuery(url: URL, query: FetchOptions['query']): Promise<void> {
  if (query.length > 0) addToQuery(url, await wholeOf(await dataPieces(query)));
}

function addToQuery(url: URL, text: Buffer): void {
  url.search += `${url.search === '' ? '?' : '&'}${text}`;
}

/** A first byte alone means all from there on, as with curl. */
function wholeRange(range: string): string {
  return range.includes('-') ? range : `${range}-`;
}

function readUrl(text: string): { url: URL; user?: string; isPastedLogin: boolean } {
  const whole = withScheme(text);
  if (!URL.canParse(whole)) throw new CurlFailure(3, `${JSON.stringify(text)} is not a URL.`);
  const url = new URL(whole);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new CurlFailure(1, `The scheme ${url.protocol.slice(0, -1)} is not fetched.`);
  }
  const { username, password } = url;
  const user = `${decoded(username)}:${decoded(password)}`;
  url.username = '';
  url.password = '';
  const target = targetUrl(url.href);
  const isPastedLogin = applicationOf(url) !== undefined;
  return { url: target, isPastedLogin, ...(user === ':' ? {} : { user }) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new CurlFailure(
      3,
      'The user name or password in the URL is not percent-encoded UTF-8: write a percent sign as %25, or give both with --user.',
      { cause: error },
    );
  }
}

/** `@file` stands for the lines of that file, of which those that are no header field are passed over. */
async function linesOf(given: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const each of given) {
    if (!each.startsWith('@')) lines.push(each);
    else {
      const text = await wholeOf([await readPiece(each.slice(1))]);
      lines.push(
        ...text
          .toString('utf8')
          .split(/\r?\n/)
          .filter((line) => fieldLine.test(line)),
      );
    }
  }
  return lines;
}

const fieldLine = /^([^:;]+)([:;])(.*)$/s;

/**
 * `Name: value`; `Name;` sends it empty, `Name:` does not send it. Repeated fields are joined (RFC 9110
 * §5.3).
 */
function readFields(lines: readonly string[]): {
  readonly fields: ReadonlyMap<string, string>;
  readonly without: readonly string[];
} {
  const without: string[] = [];
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, mark, rest = ''] = fieldLine.exec(line) ?? [];
    if (name === undefined)
      throw misused(`The header ${JSON.stringify(line.slice(0, 40))} is not "Name: value".`);
    const key = name.trim().toLowerCase();
    const value = rest.trim();
    if (mark === ':' && value === '') {
      without.push(key);
      continue;
    }
    const before = fields.get(key);
    fields.set(
      key,
      before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`,
    );
  }
  return { fields, without };
}

function misused(message: string): AccessError {
  return new AccessError('invalid_input', message, [{ do: 'see_help', command: 'fetch' }]);
}
