/**
 * Fast handlers for mdast-util-to-markdown for the most common content: text, links and code that cannot
 * contain Markdown syntax. The library's own handlers, which search for some forty patterns each, write
 * everything else.
 */
import type { Handle } from 'mdast-util-to-markdown';
import { quickPhrasing } from './quick-phrasing.ts';

/**
 * Between letters an underscore does not start emphasis (CommonMark §6.2); the other characters have no
 * meaning within a line.
 */
const plain = /^(?:[^\t\r\n!#&*<>[\\\]_`|~]|(?<=[A-Za-z0-9]{2})_(?=[A-Za-z0-9]{2}))*$/;
/** How a line can begin and still be plain text. */
const plainStart = /^["'(/$%@]*\p{L}/u;
const neverEscaped = /^(?:[^!-/:-@[-`{-~\t\r\n]|[,;:'"?%$/.()@])/;
const plainUrl = /^[\w:/?#@!$+,;=%.~'*-]*(?:&(?!\w*;)[\w:/?#@!$+,;=%.~'*-]*)*$/;

function isPlain(value: string, { before, after }: { before: string; after: string }): boolean {
  if (!plain.test(value)) return false;
  const first = value.charCodeAt(0);
  const startsLine = before === '' || before.endsWith('\n');
  if (startsLine && !plainStart.test(value)) return false;
  if (first === 0x28 && before.endsWith(']')) return false;
  return !(value.endsWith(' ') && (after === '' || after.startsWith('\n')));
}

type Slow = Readonly<Record<string, Handle>> & {
  readonly root: Handle;
  readonly text: Handle;
  readonly link: Handle;
  readonly image: Handle;
  readonly inlineCode: Handle;
};

/** Handlers with the same results as `slow`, only faster. */
export function quickHandlers(slow: Slow): Slow {
  const text: Handle = (node, parent, state, info) =>
    isPlain(node.value, info) ? node.value : slow.text(node, parent, state, info);
  // The preceding node only needs the first character.
  const firstOfText: Handle = (node, parent, state, info) =>
    neverEscaped.test(node.value) ? node.value.slice(0, 2) : text(node, parent, state, info);

  const link: Handle = (node, parent, state, info) => {
    const [only] = node.children;
    const isItsAddress = only?.value === node.url || `mailto:${only?.value}` === node.url;
    if (node.title || isItsAddress || !plainUrl.test(node.url)) {
      return slow.link(node, parent, state, info);
    }
    const leaveLink = state.enter('link');
    const leaveLabel = state.enter('label');
    const label = state.containerPhrasing(node, { ...info, before: '[', after: '](' });
    leaveLabel();
    leaveLink();
    // Such a label could be taken for a reference.
    return label.includes(']') ? slow.link(node, parent, state, info) : `[${label}](${node.url})`;
  };

  const image: Handle = (node, parent, state, info) =>
    !node.title &&
    /^[\p{L}\p{N} ,:;()/.-]*$/u.test(node.alt ?? '') &&
    node.url &&
    plainUrl.test(node.url)
      ? `![${node.alt ?? ''}](${node.url})`
      : slow.image(node, parent, state, info);

  const inlineCode: Handle = (node, parent, state, info) =>
    /^[^ \r\n`|](?:[^\r\n`|]*[^ \r\n`|])?$/.test(node.value)
      ? `\`${node.value}\``
      : slow.inlineCode(node, parent, state, info);

  const root: Handle = (node, parent, state, info) => {
    const { containerPhrasing } = state;
    state.containerPhrasing = (inside, place) =>
      quickPhrasing(inside, state, place, handlers) ?? containerPhrasing.call(state, inside, place);
    return slow.root(node, parent, state, info);
  };

  const handlers: Slow & Record<string, Handle> = {
    ...slow,
    root,
    text: Object.assign(text, { peek: firstOfText }),
    link: Object.assign(link, { peek: peekOf(slow.link) }),
    image: Object.assign(image, { peek: peekOf(slow.image) }),
    inlineCode: Object.assign(inlineCode, { peek: () => '`' }),
  };
  return handlers;
}

function peekOf(handle: Handle & { peek?: Handle }): Handle | undefined {
  return handle.peek;
}
