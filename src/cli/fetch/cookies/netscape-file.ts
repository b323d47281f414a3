/**
 * The file that curl, wget and browsers' exports keep cookies in: a cookie a line, seven fields between
 * tabs. Access's own cookies are credentials: they are neither read from it nor written to it.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Cookie } from 'tough-cookie';
import { isAccessCookie } from '../../../secrets/access-cookies.ts';
import { CurlFailure } from '../exit-code.ts';

const head =
  '# Netscape HTTP Cookie File\n# Written by cloudflare-access-mcp; curl reads it as well.\n\n';

export interface ReadCookies {
  readonly cookies: readonly Cookie[];
  /** Lines that are no cookie. */
  readonly strange: number;
}

/** None where there is no file, as with curl. `-` is stdin. Throws CurlFailure 26. */
export async function readCookieFile(name: string): Promise<ReadCookies> {
  const text = await readFile(name === '-' ? '/dev/stdin' : name, 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw new CurlFailure(26, `${JSON.stringify(name)} cannot be read (${error.code}).`, {
        cause: error,
      });
    },
  );
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !/^#(?!HttpOnly_)/.test(line));
  const cookies = lines.map(cookieOf);
  const read = cookies.filter((cookie) => cookie !== undefined);
  return {
    cookies: read.filter(({ key }) => !isAccessCookie(key)),
    strange: cookies.length - read.length,
  };
}

function cookieOf(line: string): Cookie | undefined {
  const httpOnly = line.startsWith('#HttpOnly_');
  const fields = line.slice(httpOnly ? '#HttpOnly_'.length : 0).split('\t');
  const [domain = '', tail, where, secure, until = '', key = '', value = ''] = fields;
  if (fields.length < 6 || fields.length > 7 || domain === '' || !/^\d{1,15}$/.test(until)) {
    return undefined;
  }
  const expires = until === '0' ? 'Infinity' : new Date(Number(until) * 1000);
  if (expires instanceof Date && Number.isNaN(expires.getTime())) return undefined;
  return new Cookie({
    key,
    value,
    domain: domain.replace(/^\./, '').toLowerCase(),
    hostOnly: tail !== 'TRUE',
    path: where?.startsWith('/') ? where : '/',
    secure: secure === 'TRUE',
    httpOnly,
    expires,
  });
}

export function cookieFileText(cookies: readonly Cookie[]): string {
  return (
    head +
    cookies
      .flatMap(lineOf)
      .map((line) => `${line}\n`)
      .join('')
  );
}

/**
 * Replaced whole, for this user alone: a reader sees the old file or the new. Throws CurlFailure 23.
 * What is no file, such as /dev/stdout, is written to.
 */
export async function writeCookieFile(name: string, text: string): Promise<void> {
  const temporary = path.join(path.dirname(name), `.${randomBytes(8).toString('hex')}.cookies`);
  try {
    const special = await stat(name).then(
      (found) => !found.isFile(),
      () => false,
    );
    if (special) {
      await writeFile(name, text);
      return;
    }
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    await rename(temporary, name);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new CurlFailure(23, `The cookies cannot be written to ${JSON.stringify(name)}${code}.`, {
      cause: error,
    });
  }
}

/** None for what is over or would not be one line. */
function lineOf(cookie: Cookie): string[] {
  const { key, value, path: where, secure, httpOnly } = cookie;
  const domain = cookie.domain ?? '';
  // An address has no names below it.
  const hostOnly = cookie.hostOnly !== false || /^[\d.]+$|:/.test(domain);
  const ends = cookie.expiryTime() ?? Number.POSITIVE_INFINITY;
  if (ends <= Date.now() || /[\t\r\n]/.test(key + value + where)) return [];
  const fields = [
    `${httpOnly ? '#HttpOnly_' : ''}${hostOnly ? '' : '.'}${domain}`,
    hostOnly ? 'FALSE' : 'TRUE',
    where ?? '/',
    secure ? 'TRUE' : 'FALSE',
    Number.isFinite(ends) ? String(Math.floor(ends / 1000)) : '0',
    key,
    value,
  ];
  return [fields.join('\t')];
}
