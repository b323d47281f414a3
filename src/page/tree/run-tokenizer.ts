/**
 * parse5's tokenizer, which handles each character by itself and makes a token of each word and of each
 * space between two. This one takes the plain characters that follow in one step, to the same tree.
 */
import { type DefaultTreeAdapterMap, type Parser, Token, Tokenizer, TokenizerMode } from 'parse5';

/** For each character of ASCII: whether it is plain. All others are. */
type Plain = readonly boolean[];

const space = 0x20;
const inText = allBut('<&');
const inWord = allBut('<& \t\n');
const inQuotes = allBut('"&');

/** Nor are controls, such as the carriage return, which is read as a line feed. */
function allBut(others: string): Plain {
  return Array.from({ length: 128 }, (_, code) => {
    const isControl = code < space && code !== 0x09 && code !== 0x0a;
    return !isControl && !others.includes(String.fromCharCode(code));
  });
}

export class RunTokenizer extends Tokenizer {
  readonly #parser: Parser<DefaultTreeAdapterMap>;

  constructor(parser: Parser<DefaultTreeAdapterMap>) {
    super({ sourceCodeLocationInfo: false }, parser);
    this.#parser = parser;
  }

  protected override _emitCodePoint(cp: number): void {
    super._emitCodePoint(cp);
    const { state } = this;
    const isText =
      state === TokenizerMode.DATA ||
      state === TokenizerMode.SCRIPT_DATA ||
      state === TokenizerMode.RAWTEXT ||
      state === TokenizerMode.RCDATA;
    if (isText && this.currentCharacterToken?.type === Token.TokenType.CHARACTER) {
      // In a page of frames, words are dropped and the spaces between them are not (HTML §13.2.6.4.20).
      // It is no such page once this is false.
      const takesSpaces = state !== TokenizerMode.DATA || !this.#parser.framesetOk;
      this.#take(takesSpaces ? inText : inWord);
    }
  }

  protected override _stateAttributeValueDoubleQuoted(cp: number): void {
    const { state } = this;
    super._stateAttributeValueDoubleQuoted(cp);
    // After a carriage return, the line feed that may follow it is left out.
    if (this.state === state && cp > space) this.#take(inQuotes);
  }

  /** Adds the plain characters that follow to the current run. */
  #take(plain: Plain): void {
    const { preprocessor } = this;
    const { html } = preprocessor;
    let at = preprocessor.pos + 1;
    for (; at < html.length; at += 1) {
      const code = html.charCodeAt(at);
      if (code < plain.length && !plain[code]) break;
    }
    preprocessor.pos = at - 1;
    this.runEnd = at;
  }
}
