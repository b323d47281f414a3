/** An answer that does not follow its RFC: what is wrong with it, and whether the trouble may pass. */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
  /**
   * Another attempt in a minute may succeed: the server failed, or something else (a captive portal, a
   * firewall's page) answered in its place. Otherwise the server answers like this by design or
   * configuration, and only its operator can fix it.
   */
  readonly passing: boolean;
  /** The server's text, verbatim. */
  readonly words: string | undefined;

  readonly status: number | undefined;

  constructor(what: string, options: { passing?: boolean; words?: string; status?: number } = {}) {
    super(what);
    this.passing = options.passing ?? false;
    this.words = options.words;
    this.status = options.status;
  }
}
