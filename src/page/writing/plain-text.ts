/** Recognises text that is written in Markdown as it is. */

/**
 * Between letters an underscore does not start emphasis (CommonMark §6.2); the other characters have no
 * meaning within a line.
 */
const plain = /^(?:[^\t\r\n!#&*<>[\\\]_`|~]|(?<=[A-Za-z0-9]{2})_(?=[A-Za-z0-9]{2}))*$/;
/** How a line can begin and still be plain text. */
const plainStart = /^["'(/$%@]*\p{L}/u;

/** `before` and `after` are what is written around it. */
export function isPlainText(value: string, before: string, after: string): boolean {
  if (!plain.test(value)) return false;
  const first = value.charCodeAt(0);
  const startsLine = before === '' || before.endsWith('\n');
  if (startsLine && !plainStart.test(value)) return false;
  if (first === 0x28 && before.endsWith(']')) return false;
  return !(value.endsWith(' ') && (after === '' || after.startsWith('\n')));
}
