/** curl's `--write-out`: the variables that scripts ask for. */
import type { HopAnswer } from '../../http/hops.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

/** A variable that is not known becomes nothing, as with curl. */
export function writeOut(
  format: string,
  { status, url, headers }: HopAnswer,
  redirects: readonly string[],
  size: number,
): string {
  const values: Readonly<Record<string, string>> = {
    http_code: String(status).padStart(3, '0'),
    response_code: String(status).padStart(3, '0'),
    url_effective: url.href,
    content_type: headers.get('content-type') ?? '',
    redirect_url: headers.get('location') ?? '',
    num_redirects: String(redirects.length),
    size_download: String(size),
    exitcode: '0',
  };
  return format.replace(
    /%\{([^}]*)\}|%%|\\([nrt\\])/g,
    (whole, name: string | undefined, letter: string | undefined) => {
      if (name !== undefined) return values[name] ?? '';
      return letter === undefined ? whole.slice(1) : (escapes[letter] ?? '');
    },
  );
}
