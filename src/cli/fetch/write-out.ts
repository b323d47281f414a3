/** curl's `--write-out`: the variables that scripts use. */
import type { HopAnswer } from '../../http/hops.ts';
import { resolveReference } from '../../secure-url.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

export interface Transfer {
  readonly answer: HopAnswer;
  readonly redirects: readonly string[];
  /** Size of the body in bytes. */
  readonly size: number;
  /** The command's exit code. */
  readonly exitCode: number;
  /** Where the body went, if that is a file. */
  readonly file: string | undefined;
}

/** An unknown variable becomes empty, as in curl. */
export function writeOut(
  format: string,
  { answer, redirects, size, exitCode, file }: Transfer,
): string {
  const { status, url, headers } = answer;
  const values: Readonly<Record<string, string>> = {
    http_code: String(status).padStart(3, '0'),
    response_code: String(status).padStart(3, '0'),
    url_effective: url.href,
    content_type: headers.get('content-type') ?? '',
    redirect_url: redirectUrl(answer),
    num_redirects: String(redirects.length),
    size_download: String(size),
    exitcode: String(exitCode),
    filename_effective: file ?? '',
  };
  return format.replace(
    /%\{([^}]*)\}|%%|\\([nrt\\])/g,
    (whole, name: string | undefined, letter: string | undefined) => {
      if (name !== undefined) return values[name] ?? '';
      return letter === undefined ? whole.slice(1) : (escapes[letter] ?? '');
    },
  );
}

/** The target of a redirect that was not followed; verbatim if it is not a valid reference. */
function redirectUrl({ status, url, headers }: HopAnswer): string {
  const location = headers.get('location');
  if (!location || status < 300 || status > 399) return '';
  return resolveReference(location, url)?.href ?? location;
}
