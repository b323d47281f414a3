/** What `fetch` is told on the command line, in the shape that commander gives it. */

/** A piece of the body, in the order in which it was given. */
export interface Datum {
  readonly kind: 'form' | 'raw' | 'binary' | 'encode' | 'json';
  readonly text: string;
}

export interface FetchOptions {
  readonly data: readonly Datum[];
  readonly request?: string;
  readonly header?: readonly string[];
  readonly userAgent?: string;
  readonly user?: string;
  readonly get?: true;
  readonly head?: true;
  readonly include?: true;
  readonly location?: true;
  readonly maxRedirs: number;
  readonly output?: string;
  readonly writeOut?: string;
  readonly fail?: true;
  readonly failWithBody?: true;
  readonly compressed?: true;
  readonly markdown?: true;
  /** Seconds. */
  readonly maxTime?: number;
  readonly silent?: true;
  readonly showError?: true;
  readonly verbose?: true;
  readonly insecure?: true;
  readonly signIn: boolean;
  /** Seconds. */
  readonly wait: number;
}
