/** curl's `--write-out`: what scripts want to know of a transfer, whatever became of it. */
import type { HopAnswer } from '../../http/hops.ts';
import { type Concealed, createConcealer } from '../../secrets/concealer.ts';
import { resolveReference } from '../../secure-url.ts';
import { shownFields } from './head-lines.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

/** What is known once an answer has been given. */
export interface Given {
  readonly answer: HopAnswer;
  readonly redirects: readonly string[];
  readonly secrets: readonly string[];
  /** Size of the body in bytes. */
  readonly size: number;
  /** Where the body went, if that is a file. */
  readonly file: string | undefined;
}

export interface Transferred {
  /** As it was typed. */
  readonly url: string;
  /** As it was asked for. */
  readonly effective: string;
  readonly seconds: number;
  /** The command's exit code. */
  readonly exitCode: number;
  /** What it failed with; empty where it did not. */
  readonly message: string;
  /** Which of the URLs it is, from 0. */
  readonly number: number;
  /** Absent where there was no answer. */
  readonly given: Given | undefined;
}

export interface WrittenOut {
  readonly parts: readonly { readonly to: 'stdout' | 'stderr'; readonly text: Concealed<string> }[];
  /** Variables that were asked for and that there are not. They are empty, as in curl. */
  readonly unknown: readonly string[];
}

export function writeOut(format: string, transferred: Transferred): WrittenOut {
  const values = valuesOf(transferred);
  const { given } = transferred;
  const unknown: string[] = [];
  const concealer = createConcealer(given?.secrets ?? []);
  const written = (text: string) =>
    text.replace(
      /%\{([^}]*)\}|%header\{([^}]*)\}|%%|\\([nrt\\])/g,
      (whole, name?: string, field?: string, letter?: string) => {
        if (field !== undefined) return fieldOf(given, field);
        if (letter !== undefined) return escapes[letter] ?? '';
        if (name === undefined) return whole.slice(1);
        const value = values.get(name);
        if (value === undefined) unknown.push(name);
        return value ?? '';
      },
    );
  const [always = '', ...onError] = format.split('%{onerror}');
  const wanted = transferred.exitCode === 0 ? always : `${always}${onError.join('')}`;
  let to: 'stdout' | 'stderr' = 'stdout';
  const parts = [];
  for (const part of wanted.split(/(%\{std(?:out|err)\})/)) {
    if (part === '%{stdout}') to = 'stdout';
    else if (part === '%{stderr}') to = 'stderr';
    else if (part !== '') parts.push({ to, text: concealer.text(written(part)) });
  }
  return { parts, unknown };
}

function valuesOf({
  url,
  effective,
  seconds,
  exitCode,
  message,
  number,
  given,
}: Transferred): ReadonlyMap<string, string> {
  const status = String(given?.answer.status ?? 0).padStart(3, '0');
  const values = {
    http_code: status,
    response_code: status,
    url,
    url_effective: given?.answer.url.href ?? effective,
    content_type: given?.answer.headers.get('content-type') ?? '',
    redirect_url: given ? redirectUrl(given.answer) : '',
    num_redirects: String(given?.redirects.length ?? 0),
    size_download: String(given?.size ?? 0),
    time_total: seconds.toFixed(6),
    exitcode: String(exitCode),
    errormsg: message,
    urlnum: String(number),
    http_version: given ? '1.1' : '0',
    filename_effective: given?.file ?? '',
  };
  return new Map(Object.entries(values));
}

function fieldOf(given: Given | undefined, asked: string): string {
  const fields = given ? shownFields(given.answer) : [];
  return fields.find(([name]) => name === asked.toLowerCase())?.[1] ?? '';
}

/** The target of a redirect that was not followed; verbatim if it is not a valid reference. */
function redirectUrl({ status, url, headers }: HopAnswer): string {
  const location = headers.get('location');
  if (!location || status < 300 || status > 399) return '';
  return resolveReference(location, url)?.href ?? location;
}
