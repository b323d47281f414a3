import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPageThreads } from '../../src/answer/page-threads.ts';
import { type Answer, page, presentSaved, render } from '../../src/answer/present.ts';
import type { Format } from '../../src/answer/readable.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';

const threads = createPageThreads();
const secret = 'oauth:very-secret-token';
const concealer = createConcealer([secret]);
const answer = (
  type: string | null,
  more: Partial<Answer> = {},
  headers: Record<string, string> = {},
): Answer => ({
  url: new URL('https://app.example.com/x'),
  status: 200,
  headers: new Headers({ ...headers, ...(type ? { 'content-type': type } : {}) }),
  auth: 'oauth',
  redirects: [],
  ...more,
});
const show = async (
  type: string | null,
  body: string | Buffer,
  format: Format = 'auto',
  options = {},
) =>
  page(
    await render(
      answer(type),
      { bytes: Buffer.from(body as string), complete: true },
      { format, threads, concealer },
    ),
    options,
  );
const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(100)]);

describe('formats', () => {
  test('auto turns HTML into Markdown and leaves text as it is', async () => {
    expect((await show('text/html', '<h1>A</h1>')).blocks[1]).toEqual({
      type: 'text',
      text: '# A',
    });
    expect((await show('application/json', '{"a": 1}')).blocks[1]).toEqual({
      type: 'text',
      text: '{"a": 1}',
    });
    expect((await show('text/html', '<h1>A</h1>', 'raw')).blocks[1]).toEqual({
      type: 'text',
      text: '<h1>A</h1>',
    });
  });
  test('what comes as Markdown stays as it is', async () => {
    const markdown = '# A\n\n<b>b</b>  \n[c]: /d\n';
    expect((await show('text/markdown; charset=utf-8', markdown)).blocks[1]).toEqual({
      type: 'text',
      text: markdown,
    });
  });
  test('an image is an image block, by its bytes and not by its header', async () => {
    expect((await show('text/plain', png)).blocks[1]).toEqual({
      type: 'image',
      data: png.toString('base64'),
      mimeType: 'image/png',
    });
  });
  test('a large image and other binary are named, sized and pointed to save_to', async () => {
    for (const [type, body] of [
      ['image/png', Buffer.concat([png, Buffer.alloc(2e6)])],
      ['application/zip', Buffer.from('PK\x03\x04')],
    ] as const) {
      const { head, blocks } = await show(type, body);
      expect(blocks).toHaveLength(1);
      expect(head.note).toMatch(new RegExp(`${body.length} bytes.*save_to`));
    }
  });
  test('the head is one line of JSON with the contract’s fields', async () => {
    const { blocks } = await show('text/plain', 'x');
    const text = blocks[0]?.type === 'text' ? blocks[0].text : '';
    expect(text).not.toContain('\n');
    expect(Object.keys(JSON.parse(text))).toEqual([
      'status',
      'url',
      'content_type',
      'bytes',
      'auth',
      'redirects',
      'headers',
      'truncated',
      'next_start_index',
      'saved_to',
    ]);
  });
  test('a saved file is named with size and SHA-256', () => {
    expect(
      presentSaved(answer('x/y'), { path: '/r/x', bytes: 3, sha256: 'ab' }, concealer).head,
    ).toMatchObject({ saved_to: '/r/x', bytes: 3, sha256: 'ab', truncated: false });
  });
});

describe('paging', () => {
  test('pages join to the whole text, and no character is cut in two', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.integer({ min: 1, max: 7 }),
        async (text, maxLength) => {
          const rendered = await render(
            answer('text/plain; charset=utf-8', {}),
            { bytes: Buffer.from(text), complete: true },
            { format: 'raw', threads, concealer: createConcealer([]) },
          );
          const parts: string[] = [];
          for (let startIndex: number | null = 0; startIndex !== null; ) {
            const { head, blocks } = page(rendered, { startIndex, maxLength });
            const shown = blocks[1]?.type === 'text' ? blocks[1].text : '';
            expect(Buffer.from(shown).toString()).toBe(shown);
            expect(head.truncated).toBe(head.next_start_index !== null);
            parts.push(shown);
            startIndex = head.next_start_index;
          }
          expect(parts.join('')).toBe(text.replace(/^\ufeff/, ''));
        },
      ),
      { numRuns: 200 },
    );
  });
  test('beyond the end there is nothing, and the note says so', async () => {
    const { head, blocks } = await show('text/plain', 'abc', 'auto', { startIndex: 9 });
    expect([blocks.length, head.next_start_index, head.note]).toEqual([
      1,
      null,
      'start_index is beyond the end: the text has 3 characters.',
    ]);
  });
  for (const [name, unit] of [
    ['control characters', '\u007f\u0001'],
    ['quotes', '"'],
    ['emoji', '😀'],
    ['three-byte characters', '漢'],
    ['letters', 'a'],
  ] as const) {
    test(`a result of ${name} stays under 1 MiB on the wire`, async () => {
      const body = unit.repeat(1_500_000);
      const rendered = await render(
        answer(
          'text/plain; charset=utf-8',
          {},
          Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`x-${at}`, '"'.repeat(900)])),
        ),
        { bytes: Buffer.from(`a${body}`), complete: true },
        { format: 'raw', threads, concealer },
      );
      const { blocks } = page(
        { ...rendered, content: { text: concealer.text(body) } },
        { maxLength: 1e9 },
      );
      const wire = Buffer.byteLength(JSON.stringify({ content: blocks }));
      expect(wire).toBeLessThan(1024 * 1024);
      expect(wire).toBeGreaterThan(900_000);
    });
  }
  test('what was not read is said', async () => {
    const rendered = await render(
      answer('text/plain'),
      { bytes: Buffer.from('abc'), complete: false, stopped: 'time' },
      { format: 'auto', threads, concealer },
    );
    expect(page(rendered).head).toMatchObject({
      truncated: true,
      next_start_index: null,
      note: expect.stringMatching(/timeout_seconds/),
    });
  });
});

test('all that is to be said of an answer stands in one note', async () => {
  const hidden = `<p>Wait.</p><div hidden>${'words that a script would show '.repeat(20)}</div>`;
  const rendered = await render(
    answer('text/html', { droppedHeaders: ['x-key'] }),
    { bytes: Buffer.from(hidden), complete: false, stopped: 'size' },
    { format: 'auto', threads, concealer },
  );
  expect(page(rendered).head.note).toMatch(
    /^The body is longer than .*\. Not sent on .*: x-key\. Nearly all of the page is hidden/s,
  );
});

test('no credential of ours is in anything that is shown', async () => {
  const echo = `${secret} ${encodeURIComponent(secret)} ${Buffer.from(secret).toString('base64')}`;
  const redirects = [`https://app.example.com/?t=${encodeURIComponent(secret)}`];
  for (const [type, body] of [
    ['text/plain', echo],
    ['text/html', `<a href="/x?${secret}">${secret.replace('o', '&#111;')}</a>`],
    ['application/json', JSON.stringify({ echo })],
    ['text/plain; charset=utf-16le', Buffer.from(echo, 'utf16le')],
  ] as const) {
    const rendered = await render(
      answer(type, { redirects }, { 'x-echo': secret }),
      { bytes: Buffer.from(body as string), complete: true },
      { format: 'auto', threads, concealer },
    );
    const shown = JSON.stringify(page(rendered));
    expect(shown).toContain('[redacted]');
    expect(shown).not.toMatch(/very-secret/);
  }
});
