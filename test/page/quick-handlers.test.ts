import fc from 'fast-check';
import type { PhrasingContent, Root } from 'mdast';
import { gfmTableToMarkdown } from 'mdast-util-gfm-table';
import { defaultHandlers, type Handle, toMarkdown } from 'mdast-util-to-markdown';
import { expect, test } from 'vitest';
import { quickHandlers } from '../../src/page/writing/quick-handlers.ts';

const table = gfmTableToMarkdown({ tablePipeAlign: false });
const slow = { ...defaultHandlers, ...table.handlers } as Record<
  'root' | 'text' | 'link' | 'image' | 'inlineCode',
  Handle
>;

const words = fc
  .array(
    fc.constantFrom(...'aaaaé漢1  _*[]()<>!#&\\`~|+-.:=;"\'/', 'amp;', 'MAX_RETRY', '12.', '- '),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''));
const address = words.map((path) => new URL(`/a/${path}`, 'https://wiki.example.com').href);
const phrasing: fc.Arbitrary<PhrasingContent> = fc.oneof(
  words.map((value): PhrasingContent => ({ type: 'text', value })),
  words.map((value): PhrasingContent => ({ type: 'inlineCode', value })),
  words.map(
    (value): PhrasingContent => ({
      type: 'strong',
      children: [{ type: 'text', value }],
    }),
  ),
  fc.tuple(words, address).map(
    ([value, url]): PhrasingContent => ({
      type: 'link',
      url,
      children: [{ type: 'text', value }],
    }),
  ),
  fc.tuple(words, address).map(([alt, url]): PhrasingContent => ({ type: 'image', url, alt })),
  fc.constant<PhrasingContent>({ type: 'break' }),
);
const content = fc.array(phrasing, { minLength: 1, maxLength: 5 });

/** But for the ampersands of addresses, which need no backslash before what is no character reference. */
const alike = (markdown: string) => markdown.replace(/\\&(?!\w*;)/g, '&');

/** In a heading they become a line below, in a cell they cannot be. */
const withoutBreaks = (children: PhrasingContent[]) =>
  children.filter(({ type }) => type !== 'break');

test('what is written quickly is what the library writes', () => {
  fc.assert(
    fc.property(content, content, (children, heading) => {
      const root: Root = {
        type: 'root',
        children: [
          { type: 'paragraph', children },
          { type: 'heading', depth: 2, children: withoutBreaks(heading) },
          {
            type: 'table',
            children: [
              {
                type: 'tableRow',
                children: [{ type: 'tableCell', children: withoutBreaks(children) }],
              },
            ],
          },
        ],
      };
      const quick = quickHandlers(slow);
      expect(alike(toMarkdown(root, { extensions: [table], handlers: quick }))).toBe(
        alike(toMarkdown(root, { extensions: [table] })),
      );
    }),
    { numRuns: 1500 },
  );
});
