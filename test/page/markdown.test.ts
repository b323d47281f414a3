import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeText } from '../../src/answer/charset.ts';
import { createAllowance, OutOfTime } from '../../src/page/allowance.ts';
import { htmlToMarkdown } from '../../src/page/markdown.ts';
import { isElement, parseHtml } from '../../src/page/tree/html-tree.ts';
import { visibleParts } from '../../src/page/tree/noise.ts';

const fixtures = path.join(import.meta.dirname, 'fixtures');
const url = new URL('https://wiki.example.com/docs/page/');
/** Less than there is, for pages that use up what they get. */
const times = { parse: 2000, walk: 2000, write: 3000 };
const convert = (html: string) => htmlToMarkdown(html, { url }).markdown;

describe('pages that look like the ones people have', () => {
  for (const file of readdirSync(fixtures).filter((name) => name.endsWith('.html'))) {
    test(`turns ${file} into the Markdown beside it`, () => {
      const html = decodeText(readFileSync(path.join(fixtures, file)), {
        essence: 'text/html',
      }).text;
      const expected = readFileSync(path.join(fixtures, file.replace('.html', '.md')), 'utf8');
      const { markdown, note } = htmlToMarkdown(html, { url });
      const comment = note ? `<!-- note: ${note} -->\n\n` : '';
      expect(`${comment}${markdown}\n`).toBe(expected);
    });
  }
});

describe('links', () => {
  test('are absolute against <base>, which is relative to the page (HTML §4.2.3)', () => {
    expect(convert('<base href="/b/c/"><p><a href="d">x</a></p>')).toBe(
      '[x](https://wiki.example.com/b/c/d)',
    );
  });
  for (const reference of [
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://a/b',
    'http://[',
  ]) {
    test(`keep their words and lose ${JSON.stringify(reference)}`, () => {
      expect(convert(`<p>a <a href="${reference}">x</a> b</p>`)).toBe('a x b');
    });
  }
  test('a <base> of another scheme is not believed', () => {
    expect(convert('<base href="javascript:x"><a href="d">x</a>')).toBe(
      '[x](https://wiki.example.com/docs/page/d)',
    );
  });
  test('images are absolute, and data: images are their words', () => {
    expect(
      convert(
        '<p><img src="/i.png" alt="flow"> <img src="data:image/png;base64,AA" alt="inline"></p>',
      ),
    ).toBe('![flow](https://wiki.example.com/i.png) inline');
  });
});

describe('fidelity', () => {
  test('text that looks like Markdown stays text', () => {
    expect(convert('<p>* a [b](c) `d` **e** # f &lt;g&gt;</p>')).toBe(
      '\\* a \\[b]\\(c) \\`d\\` \\*\\*e\\*\\* # f \\<g>',
    );
  });
  test('names with underscores can be copied', () => {
    expect(convert('<p>set MAX_RETRY_COUNT=3</p>')).toBe('set MAX_RETRY_COUNT=3');
  });
  test('white space at the edge of marks goes outside', () => {
    expect(convert('<p>a<b> b </b>c <i>d</i><i>e</i></p>')).toBe('a **b** c *de*');
  });
  test('code keeps its fences whatever is in it', () => {
    expect(convert('<pre>```\nx\n```</pre>')).toBe('````\n```\nx\n```\n````');
  });
  test('a table for layout is what it holds', () => {
    expect(
      convert('<table><tr><td><h2>A</h2><p>b</p></td><td><ul><li>c</li></ul></td></tr></table>'),
    ).toBe('## A\n\nb\n\n- c');
  });
  test('blocks in a table’s cells stay in their rows and columns', () => {
    expect(
      convert(
        '<table><tr><th>a<th>b<tr><td><pre>if x:\n  y | z</pre><td><h3>H</h3><blockquote>q</blockquote><ol><li>i<li>j</ol><tr><td>c<td><table><tr><td>1<td>2<tr><td>3<td>4</table></table>',
      ),
    ).toBe(
      '| a | b |\n| - | - |\n| `if x:`<br>`  y \\| z` | **H**<br>q<br>1. i<br>2. j |\n| c | 1 \\| 2<br>3 \\| 4 |',
    );
  });
  test('no-break spaces indent, and one between words is a space (CSS Text §4.1)', () => {
    expect(
      convert('<p>10&nbsp;kB<br>&nbsp;&nbsp;x<br><code>&nbsp;&nbsp;y&nbsp;&nbsp;z</code>'),
    ).toBe('10 kB\\\n\u00a0\u00a0x\\\n`  y  z`');
  });
  test('white space that a style keeps is kept', () => {
    expect(convert('<div style="white-space: pre">a\n   b</div>')).toBe('```\na\n   b\n```');
    expect(
      convert('<style>.l{white-space:pre}</style><div class=l>a</div><div class=l>  b</div>'),
    ).toBe('```\na\n  b\n```');
    expect(convert('<p style="white-space:pre-wrap">a\n  b <i>c</i>')).toBe(
      'a\\\n\u00a0\u00a0b *c*',
    );
  });
  test('a text area shows its lines', () => {
    expect(convert('<p>x<textarea>a:\n  b</textarea>')).toBe('x\n\n```\na:\n  b\n```');
    expect(convert('<form><textarea name=q>a\n b</textarea></form>')).toMatch(
      /^Form: GET\n\n`q` \(text\)\n\n```\na\n b\n```$/,
    );
  });
  test('a diff side by side has each line once, with its sign', () => {
    const row = (left: string, right: string) =>
      `<tr><td class=blob-num data-line-number=1>${left}<td class=blob-num data-line-number=1>${right}</tr>`;
    const cell = (kind: string, text: string) => `<td class="blob-code blob-code-${kind}">${text}`;
    const table = `<table>${row(cell('context', 'same'), cell('context', 'same'))}${row(cell('deletion', ' old'), cell('addition', ' new'))}${row(cell('empty', ''), cell('addition', 'more'))}</table>`;
    expect(convert(table)).toBe('```diff\n same\n- old\n+ new\n+more\n```');
  });
  test('words that are drawn in a picture are given', () => {
    expect(convert('<svg><g><text>CREATE</text><text>INDEX</text></g></svg>')).toBe('CREATE INDEX');
  });
  test('menus and dialogs that are hidden stay so, however little else there is', () => {
    const { markdown, note } = htmlToMarkdown(
      `<p>Short.</p><div class="modal" style="display:none">${'dialog words '.repeat(60)}</div><div hidden>${'<a href=x>a menu</a> '.repeat(60)}</div>`,
      { url },
    );
    expect([markdown, note]).toEqual(['Short.', undefined]);
  });
  test('what is hidden is given when it is all there is, however short', () => {
    const { markdown, note } = htmlToMarkdown(
      '<title>Notice</title><img src="logo.png"><div style="display:none">Down until <b>nine</b>.</div>',
      { url },
    );
    expect(markdown).toContain('# Notice');
    expect(markdown).toContain('Down until **nine**.');
    expect(note).toMatch(/^Nearly all of the page is hidden/);
    const beside = htmlToMarkdown('<p>Up.</p><div hidden>Down until nine.</div>', { url });
    expect([beside.markdown, beside.note]).toEqual(['Up.', undefined]);
  });
  test('a streamed segment that would hold itself is left where it is', () => {
    const words = 'words that are streamed '.repeat(20);
    const { markdown, note } = htmlToMarkdown(
      `<div hidden id="S:0">${words}<p><template id="B:0"></template><!--/$--></p></div><script>$RC("B:0","S:0")</script>`,
      { url },
    );
    expect(markdown).toBe(words.trim());
    expect(note).toMatch(/^Nearly all of the page is hidden/);
  });
  test('line numbers beside code are gone', () => {
    expect(
      convert(
        '<table class="highlighttable"><tr><td class="linenos"><pre class="lineno">1\n2</pre></td><td class="code"><pre class="language-js"><span class="lineno">1</span>let a;\nlet b;</pre></td></tr></table>',
      ),
    ).toContain('```js\nlet a;\nlet b;\n```');
  });
  test('the title is the heading when the page has none', () => {
    expect(convert('<title>T</title><p>x</p>')).toBe('# T\n\nx');
  });
  test('scripts, styles and what is hidden leave nothing', () => {
    expect(
      convert(
        '<p>a</p><script>evil()</script><style>x{}</style><template>t</template><div hidden>h</div><div style="color:red;display:none">n</div>',
      ),
    ).toBe('a');
  });
  test('a page that a script would fill says what its noscript says', () => {
    expect(convert('<body><div id="app"></div><noscript>Turn JavaScript on.</noscript>')).toBe(
      'Turn JavaScript on.',
    );
  });
  test('a password that stands in a form is not shown', () => {
    expect(convert('<form><input type="password" name="p" value="hunter2"></form>')).not.toContain(
      'hunter2',
    );
  });
  test('credentials that were written as character references are concealed', () => {
    const conceal = (text: string) => text.replaceAll('oauth:se_cret', '[redacted]');
    const { markdown } = htmlToMarkdown(
      '<p>token o&#97;uth:se_cret</p><pre>oauth:se&#95;cret</pre>',
      { url, conceal },
    );
    expect(markdown).not.toMatch(/se\\?_cret/);
  });
});

describe('hostile pages end in bounded time', () => {
  const attributes = Array.from({ length: 200_000 }, (_, at) => `x${at}`).join(' ');
  const pages: Record<string, string> = {
    'elements nested 100,000 deep': `${'<div>'.repeat(100_000)}x`,
    'formatting elements that each paragraph repeats': `${Array.from({ length: 300 }, (_, at) => `<b id=${at}>`).join('')}${'<p>x'.repeat(100_000)}`,
    'a table of which each cell spans everything': `<table>${'<tr><td rowspan=65000 colspan=1000>aaaaaaaaaaaaaaaaaa</td></tr>'.repeat(5000)}`,
    'one element with 200,000 attributes': `<a ${attributes}>x</a>`,
    'end tags that close nothing': '<span>'.repeat(400) + '</x>'.repeat(300_000),
    'a column as wide as one huge cell': `<table><tr><td>${'x'.repeat(100_000)}<td>a${'<tr><td>a<td>b'.repeat(5000)}</table>`,
    'empty inline elements in a row': `x${'<i> </i>'.repeat(30_000)}`,
    'nothing but line breaks': '<br>'.repeat(300_000),
    'text that is all marks': `<p>${'*_['.repeat(200_000)}`,
    '5 MB of paragraphs':
      '<p>Hello <b>world</b> <a href="/x">link</a> text_with_underscores</p>'.repeat(75_000),
  };
  for (const [name, html] of Object.entries(pages)) {
    test(name, () => {
      const started = performance.now();
      const { markdown } = htmlToMarkdown(html, { url, times });
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(markdown.length).toBeLessThan(6_000_000);
    });
  }
  const spanned = `<td rowspan=1000>${'A'.repeat(199)}`;
  const small: Record<string, string> = {
    'emphasis in emphasis': `<p>${'<em>'.repeat(60)}x`,
    'marks that alternate': `<p>${'<em><b><s><q>'.repeat(100)}x`,
    'marks in marks around many words': `<p>${'<em><b>'.repeat(200)}${'x y '.repeat(50_000)}`,
    'marks that touch, thousands in a paragraph': `<p>${'<b><i><s>x.</s></i></b>y'.repeat(3000)}`,
    'line breaks in spans in spans': `<p>${'<span>'.repeat(500)}${'x<br>'.repeat(90_000)}`,
    'text in very many pieces': `<p>${'abcdefgh<wbr>'.repeat(95_000)}`,
    'terms that nothing is said of': `<dl>${'<dt>x'.repeat(90_000)}`,
    'a table of 99,000 rows, deep in the page': `${'<div>'.repeat(480)}<table><tr><th>a<th>b${'<tr><td>'.repeat(99_000)}`,
    'a huge cell over all rows': `<table><tr><th>a<th>b<tr><td rowspan=1000>${'A'.repeat(200_000)}<td>x${'<tr><td>x'.repeat(1000)}</table>`,
    'small cells over all rows': `<table><tr>${spanned.repeat(100)}${'<tr><td>x'.repeat(1000)}</table>`,
    'rows to be filled up': `<table><tr><td colspan=200>x${'<tr><td>x'.repeat(490)}</table>`.repeat(
      100,
    ),
    'a base that every link begins with': `<base href="/${'a'.repeat(900_000)}/b">${'<a href=x>x</a> '.repeat(20_000)}`,
  };
  for (const [name, html] of Object.entries(small)) {
    test(`${name}: in seconds, and no longer than what came`, () => {
      const startedAt = performance.now();
      const { markdown } = htmlToMarkdown(html, { url, times });
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(markdown.length).toBeLessThan(html.length + 1_000_000);
    });
  }
  test('named boxes in each other are measured once', () => {
    const { document } = parseHtml(`${'<div class=sidebar>'.repeat(450)}${'x<br>'.repeat(1000)}`);
    let looks = 0;
    const look = () => {
      looks += 1;
    };
    const html = document.childNodes.find(isElement);
    const body = html?.childNodes.filter(isElement).find(({ tagName }) => tagName === 'body');
    if (body) visibleParts(body, { ...createAllowance(60_000), look });
    expect(looks).toBeGreaterThan(2000);
    expect(looks).toBeLessThan(10_000);
  });
  test('a short cell over several rows is said again in each, a long one once', () => {
    const rows = (words: string) =>
      convert(`<table><tr><th>a<th>b<tr><td rowspan=2>${words}<td>1<tr><td>2</table>`);
    expect(rows('x')).toContain('| x | 2 |');
    expect(rows('x'.repeat(201)).match(/xxx+/g)).toHaveLength(1);
  });
  test('a walk that runs out of time gives the words alone, and says so', () => {
    const allowance = createAllowance(-1);
    expect(() => {
      for (let looks = 0; looks < 100; looks += 1) allowance.look();
    }).toThrow(OutOfTime);
    const { markdown, note } = htmlToMarkdown(
      `<p>${'<span>'.repeat(500)}${'x<br>'.repeat(90_000)}the end`,
      { url, times: { parse: 3000, walk: 0, write: 3000 } },
    );
    expect(markdown).toMatch(/x\nthe end$/);
    expect(note).toMatch(/too intricate/);
  });
  test('the tree has at most so many nodes, and the parser at most so much time', () => {
    expect(parseHtml('<p>x'.repeat(150_000)).stopped).toBe('nodes');
    expect(parseHtml('<p>x', -1).stopped).toBe('time');
    expect(htmlToMarkdown('<p>x'.repeat(150_000), { url }).note).toMatch(/its beginning/);
  });
  test('what is cut is said', () => {
    const deep = htmlToMarkdown(`${'<div>'.repeat(100_000)}the end`, { url });
    expect(deep.markdown).toBe('the end');
    expect(deep.note).toMatch(/too deeply/);
    expect(htmlToMarkdown('<p>x</p>'.repeat(300_000), { url }).note).toMatch(/its beginning/);
  });
});
