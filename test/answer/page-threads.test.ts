/** Pages to Markdown in threads, as dist/ has them. */
import { expect, test } from 'vitest';
import { createPageThreads } from '../../src/answer/page-threads.ts';

const url = new URL('https://wiki.example.com/docs/page');
const secret = 'oauth:very-secret-token';
const origin = { url, secrets: [secret], conceal: (text: string) => text.replaceAll(secret, '') };
const paragraph = '<p>Some <b>words</b> of <a href="x">a page</a>.</p>';
const long = paragraph.repeat(2000);

/** How long it took, and the longest that anything else had to wait meanwhile: on a busy machine, one tells about the other. */
async function timed(work: () => Promise<unknown>): Promise<{ took: number; waited: number }> {
  const startedAt = performance.now();
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  await work();
  clearInterval(timer);
  const now = performance.now();
  return { took: now - startedAt, waited: Math.max(longest, now - last) };
}

test('a large page keeps nobody waiting, and becomes what a small one does', async () => {
  const threads = createPageThreads();
  const small = await threads.toMarkdown(paragraph, origin);
  let large = { markdown: '' };
  const { took, waited } = await timed(async () => {
    large = await threads.toMarkdown(long, origin);
  });
  expect(small.markdown).toBe('Some **words** of [a page](https://wiki.example.com/docs/x).');
  expect(large.markdown).toBe(Array(2000).fill(small.markdown).join('\n\n'));
  expect(waited).toBeLessThan(took / 3);
});

test('a small page that takes long is taken to a thread as well', async () => {
  const threads = createPageThreads();
  await threads.toMarkdown(paragraph, origin); // everything is loaded
  const hostile = `<p>${'<b><i><s>x.</s></i></b>y'.repeat(3000)}`;
  let markdown = '';
  const { took, waited } = await timed(async () => {
    markdown = (await threads.toMarkdown(hostile, origin)).markdown;
  });
  expect(markdown).toContain('x.');
  expect(waited).toBeLessThan((took * 2) / 3);
});

test('credentials of ours are cut out there too, however they are written', async () => {
  const page = `${long}<p>${secret.replace('o', '&#111;')}</p>`;
  const { markdown } = await createPageThreads().toMarkdown(page, origin);
  expect(markdown.slice(-200)).toMatch(/\[redacted]$/);
});

test('many large pages at once all come, each as its own', async () => {
  const threads = createPageThreads();
  const pages = Array.from({ length: 7 }, (_, at) => `${long}<p>number ${at}</p>`);
  const all = await Promise.all(pages.map((html) => threads.toMarkdown(html, origin)));
  expect(all.map(({ markdown }) => markdown.split('\n').at(-1))).toEqual(
    pages.map((_, at) => `number ${at}`),
  );
});

test('a page for which the memory of a thread is too small is given as its words', async () => {
  const threads = createPageThreads({ maxHeapMib: 24 });
  const page = '<table><tr><th>a<th>b'.concat('<tr><td>some words<td>of it'.repeat(30_000));
  const { markdown, note } = await threads.toMarkdown(page, origin);
  expect(markdown.match(/some words/g)).toHaveLength(30_000);
  expect(note).toMatch(/text only/);
  // The next one has a thread again.
  expect((await threads.toMarkdown(paragraph.repeat(700), origin)).note).toBeUndefined();
});
