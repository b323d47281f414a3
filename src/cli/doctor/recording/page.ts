/**
 * Records the structure of a page: its tags, the classes and ids by which Cloudflare’s error pages are
 * recognised, and its words. Styles, scripts, comments and all other attributes are left out.
 */
import { isTagName, isWord } from './vocabulary.ts';
import { text, type Writer } from './words.ts';

const mostParts = 400;

export function page(writer: Writer, html: string): string {
  const bare = html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(/<(style|script|svg|noscript)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, '');
  const parts: { tag?: string; words?: string }[] = [];
  bare.split(/(<[^<>]*>)/).forEach((part, at) => {
    const last = parts.at(-1);
    const written = at % 2 === 1 ? tag(part) : '';
    const words = at % 2 === 1 ? '' : plain(part);
    if (written !== '') parts.push({ tag: written });
    else if (words !== '' && last?.words !== undefined) last.words += ` ${words}`;
    else if (words !== '') parts.push({ words });
  });
  return parts
    .slice(0, mostParts)
    .map((part) => part.tag ?? text(writer, part.words ?? ''))
    .join('');
}

function plain(part: string): string {
  return part
    .replace(/[<>]/g, '')
    .replace(/&(?:#39|apos);/g, "'")
    .replaceAll('&quot;', '"')
    .replace(/&nbsp;|\s+/g, ' ')
    .trim();
}

function tag(part: string): string {
  const [, end = '', name = '', attributes = ''] =
    /^<(\/?)\s*(!?[a-z][a-z\d]*)([\s\S]*)>$/i.exec(part) ?? [];
  if (/^!doctype$/i.test(name)) return '<!doctype html>';
  if (!isTagName(name.toLowerCase())) return '';
  const kept = [...attributes.matchAll(/\b(class|id)\s*=\s*["']([^"']*)["']/gi)].flatMap(
    ([, attribute = '', given = '']) => {
      const words = given.split(/\s+/).filter((word) => word !== '' && isWord(word));
      return words.length === 0 ? [] : [` ${attribute.toLowerCase()}="${words.join(' ')}"`];
    },
  );
  return `<${end}${name.toLowerCase()}${kept.join('')}>`;
}
