/** An answer that is not what its RFC describes: what is wrong with it, and whether that may pass. */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
  /**
   * A minute may put it right: the server failed, or somebody else (a captive portal, a firewall's page)
   * answered in its place. Otherwise the server means what it sends, and its operator has to fix it.
   */
  readonly passing: boolean;
  /** The server's own, as they came. */
  readonly words: string | undefined;

  readonly status: number | undefined;

  constructor(what: string, options: { passing?: boolean; words?: string; status?: number } = {}) {
    super(what);
    this.passing = options.passing ?? false;
    this.words = options.words;
    this.status = options.status;
  }
}
