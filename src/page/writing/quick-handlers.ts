/**
 * Fast handlers for mdast-util-to-markdown for the most common content: text, links and code that cannot
 * contain Markdown syntax. The library's own handlers, which search for some forty patterns each, write
 * everything else.
 */
import type { Handle, State } from 'mdast-util-to-markdown';
import { isPlainText } from './plain-text.ts';
import { quickPhrasing } from './quick-phrasing.ts';

const neverEscaped = /^(?:[^!-/:-@[-`{-~\t\r\n]|[,;:'"?%$/.()@])/;
const plainUrl = /^[\w:/?#@!$+,;=%.~'*-]*(?:&(?!\w*;)[\w:/?#@!$+,;=%.~'*-]*)*$/;

type Slow = Readonly<Record<string, Handle>> & {
  readonly root: Handle;
  readonly text: Handle;
  readonly link: Handle;
  readonly image: Handle;
  readonly inlineCode: Handle;
};

/**
 * Counts no lines and columns, for which each block would be split into lines once per level: no handler
 * here asks where it is.
 */
const untracked: ReturnType<State['createTracker']> = {
  move: (value) => value ?? '',
  current: () => ({ now: { line: 1, column: 1 }, lineShift: 0 }),
  shift() {},
};

/** Handlers with the same results as `slow`, only faster. */
export function quickHandlers(slow: Slow): Slow {
  const text: Handle = (node, parent, state, info) =>
    isPlainText(node.value, info.before, info.after)
      ? node.value
      : slow.text(node, parent, state, info);
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
    const { now, lineShift } = info;
    const label = state.containerPhrasing(node, { now, lineShift, before: '[', after: '](' });
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
    state.createTracker = () => untracked;
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
