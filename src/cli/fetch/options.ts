/** The options of `fetch`, in the shape in which commander returns them. */
import type { CurlFailure } from './exit-code.ts';
import type { RetryOptions } from './retry.ts';

/** A piece of the request's body. */
export interface Datum {
  readonly kind: 'form' | 'raw' | 'binary' | 'encode' | 'json';
  readonly text: string;
}

/** Where one answer goes: to the file of that name, or to one that the URL or the answer names. */
export type OutputOption = { readonly file: string } | 'remote-name';

/** Lists in the order in which they were given, since the first output is for the first URL. */
export interface FetchLists {
  readonly data: readonly Datum[];
  /** `form` as `--form`, `raw` as `--form-string`. */
  readonly form: readonly Datum[];
  /** `--url-query`. */
  readonly query: readonly Datum[];
  readonly outputs: readonly OutputOption[];
  readonly uploads: readonly string[];
  /** What is not offered, if anything of that was asked for. */
  readonly refused: readonly CurlFailure[];
}

export interface FetchOptions extends FetchLists, RetryOptions {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly userAgent?: string;
  readonly referer?: string;
  readonly user?: string;
  readonly oauth2Bearer?: string;
  readonly cookie?: readonly string[];
  readonly cookieJar?: string;
  readonly get?: true;
  readonly head?: true;
  readonly include?: true;
  readonly dumpHeader?: string;
  readonly location?: true;
  readonly maxRedirs: number;
  readonly range?: string;
  readonly continueAt?: string;
  readonly timeCond?: string;
  readonly remoteTime?: true;
  readonly outputDir?: string;
  readonly createDirs?: true;
  /** Bytes. */
  readonly maxFilesize?: number;
  readonly removeOnError?: true;
  readonly remoteNameAll?: true;
  readonly remoteHeaderName?: true;
  readonly writeOut?: string;
  readonly fail?: true;
  readonly failEarly?: true;
  readonly failWithBody?: true;
  readonly compressed?: true;
  readonly markdown?: true;
  /** Seconds; 0: for ever. */
  readonly maxTime?: number;
  /** Seconds. */
  readonly connectTimeout?: number;
  readonly silent?: true;
  readonly showError?: true;
  readonly verbose?: true;
  readonly signIn: boolean;
  /** Seconds. */
  readonly wait: number;
}
