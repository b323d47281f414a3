/**
 * Extracts only a page's text, for pages that cannot be parsed into a tree: in linear time and without
 * recursion.
 */
import { Tokenizer, TokenizerMode } from 'parse5';

const skipped: Readonly<Record<string, (typeof TokenizerMode)[keyof typeof TokenizerMode]>> = {
  script: TokenizerMode.SCRIPT_DATA,
  style: TokenizerMode.RAWTEXT,
  noembed: TokenizerMode.RAWTEXT,
  noframes: TokenizerMode.RAWTEXT,
  iframe: TokenizerMode.RAWTEXT,
};

/**
 * How much is parsed between two readings of the clock: a tag with very many attributes takes quadratic
 * time.
 */
const pieceLength = 16 * 1024;

const inline =
  /^(?:a|abbr|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr)$/;

export function strippedText(html: string, budgetMs = 3000): string {
  const parts: string[] = [];
  let skipping: string | undefined;
  const border = (name: string) => {
    if (!inline.test(name)) parts.push('\n');
  };
  const tokenizer: Tokenizer = new Tokenizer(
    { sourceCodeLocationInfo: false },
    {
      onComment() {},
      onDoctype() {},
      onParseError: null,
      onEof() {},
      onStartTag({ tagName, selfClosing }) {
        if (skipping === undefined && Object.hasOwn(skipped, tagName) && !selfClosing) {
          skipping = tagName;
          tokenizer.state = skipped[tagName] ?? TokenizerMode.DATA;
        }
        border(tagName);
      },
      onEndTag({ tagName }) {
        if (tagName === skipping) skipping = undefined;
        border(tagName);
      },
      onCharacter({ chars }) {
        if (skipping === undefined) parts.push(chars);
      },
      onNullCharacter() {},
      onWhitespaceCharacter({ chars }) {
        if (skipping === undefined) parts.push(chars);
      },
    },
  );
  const until = performance.now() + budgetMs;
  for (let at = 0; at < html.length && performance.now() < until; at += pieceLength) {
    tokenizer.write(html.slice(at, at + pieceLength), at + pieceLength >= html.length);
  }
  return parts
    .join('')
    .split('\n')
    .map((line) => line.replace(/[ \t\r\f\u00a0]+/g, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
}
