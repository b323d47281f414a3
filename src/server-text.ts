/**
 * Makes text from the network fit to be shown to an agent or a person: it may contain instructions,
 * terminal escapes or right-to-left text.
 */
const maxLength = 200;

// Control characters (Cc), format characters (Cf: bidirectional marks, zero-width, tags), line and
// paragraph separators, and unpaired surrogates.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** Printable ASCII, and single spaces only: as it should be. */
const plain = /^(?:[!-~]+(?: [!-~]+)*)?$/;

/** At most 200 characters of `text` without control or bidirectional characters. */
export function cleanServerText(text: string): string {
  if (text.length <= maxLength && plain.test(text)) return text;
  const clean = text
    .slice(0, maxLength * 8)
    .replace(unprintable, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const characters = [...clean];
  return characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join('')}…` : clean;
}

/** `text` cleaned, truncated and in quotation marks, so that it reads as somebody else's words. */
export function quoteServerText(text: string): string {
  return `“${cleanServerText(text).replace(/[“”]/g, '"')}”`;
}
