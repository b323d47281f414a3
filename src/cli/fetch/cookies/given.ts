/** `-b` and `-c`: the jar that a command line's transfers share, and what becomes of it at the end. */
import type { CookieStore } from '../../../http/cookies/cookie-store.ts';
import { createConcealer } from '../../../secrets/concealer.ts';
import type { Shell } from '../../terminal/shell.ts';
import type { FetchOptions } from '../options.ts';

export interface GivenCookies {
  /** For the next transfer; absent where no cookie is kept at all. */
  forTransfer(): Promise<CookieStore | undefined>;
  /** Noted from every answer: a cookie that holds one of these is not written down. */
  readonly secrets: Set<string>;
  /** Writes the jar's file, if one was named. Throws CurlFailure 23. */
  keep(): Promise<void>;
}

/** Throws CurlFailure 26 for a file that cannot be read. */
export async function openCookies(
  { cookie = [], cookieJar, location, silent }: FetchOptions,
  { err, out }: Shell,
): Promise<GivenCookies> {
  const secrets = new Set<string>();
  const files = cookie.filter((each) => !each.includes('='));
  if (files.length === 0 && cookieJar === undefined) {
    // Without a jar, cookies live as long as the redirects of one transfer, each at its origin.
    // Loaded only where it is wanted: the list of public suffixes comes along.
    const forTransfer = async () => {
      if (!location) return undefined;
      const { createCookieStore } = await import('../../../http/cookies/cookie-store.ts');
      return createCookieStore();
    };
    return { forTransfer, secrets, keep: async () => {} };
  }
  const { readCookieFile, cookieFileText, writeCookieFile } = await import('./netscape-file.ts');
  const { createJar } = await import('./jar.ts');
  const read = [];
  for (const name of files.filter((each) => each !== '')) {
    const { cookies, strange } = await readCookieFile(name);
    read.push(...cookies);
    if (strange > 0 && !silent) {
      err.line(
        `Warning: ${strange} lines of ${JSON.stringify(name)} are no cookies, and were left out.`,
      );
    }
  }
  const jar = createJar(read);
  return {
    forTransfer: async () => jar,
    secrets,
    async keep() {
      if (cookieJar === undefined) return;
      const { isIn } = createConcealer([...secrets]);
      const text = cookieFileText(jar.all().filter(({ value }) => !isIn(value)));
      if (cookieJar === '-') out.write(text);
      else await writeCookieFile(cookieJar, text);
    },
  };
}
