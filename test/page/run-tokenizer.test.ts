import fc from 'fast-check';
import {
  type DefaultTreeAdapterMap,
  type DefaultTreeAdapterTypes,
  Parser,
  Tokenizer,
} from 'parse5';
import { expect, test } from 'vitest';
import { RunTokenizer } from '../../src/page/tree/run-tokenizer.ts';

type HtmlParser = Parser<DefaultTreeAdapterMap>;

const piece = fc.constantFrom(
  ...'<p>,</p>,<b>,</b>,<i>,<a href=/x>,</a>,<div class="a b">,</div>,<table>,<tr>,<td>,</td>,</table>'.split(
    ',',
  ),
  ...'<colgroup>,<caption>,<ul>,<li>,<h1>,<svg>,<desc>,<math>,<mi>,</svg>,<template>,</template>,<select>'.split(
    ',',
  ),
  ...'<option>,</select>,<pre>,<textarea>,</textarea>,<title>,</title>,<head>,</head>,<body>,</body>'.split(
    ',',
  ),
  ...'</html>,<script>,</script>,<style>,</style>,<xmp>,</xmp>,<noscript>,<plaintext>,<iframe>,</iframe>'.split(
    ',',
  ),
  '<script><!--<script>',
  '-->',
  '</scrip',
  '</titl',
  '<![CDATA[x y]]>',
  '<!-- a b -->',
  '<!',
  '</',
  '<',
  '<3',
  '<p title="a b',
  '\r\nc&amp;d "',
  '" id="é\r\n\r\n😀\0\ud800&notit;x">',
  "<p title='a&b c'>",
  '<p title="">',
  'word',
  'two words',
  'é 漢',
  '😀',
  '\ud83d',
  '\ude00',
  '\0',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '\r\n\r\n',
  '\f',
  '\x01',
  '\x7f',
  '\ufeff',
  '\uffff',
  '&amp;',
  '&am',
  '&notin;',
  '&#x20;',
  '&#10;',
  '&',
  ';',
  '"',
  '=',
);

/** The tree without what leads back up in it. */
function treeOf(node: DefaultTreeAdapterTypes.Node): unknown {
  const { nodeName } = node;
  return {
    nodeName,
    ...('value' in node ? { value: node.value } : {}),
    ...('data' in node ? { data: node.data } : {}),
    ...('attrs' in node ? { attrs: node.attrs, of: node.namespaceURI } : {}),
    ...('content' in node ? { content: treeOf(node.content) } : {}),
    ...('childNodes' in node ? { children: node.childNodes.map(treeOf) } : {}),
  };
}

function parsed(parts: readonly string[], tokenizerOf: (parser: HtmlParser) => Tokenizer) {
  const parser: HtmlParser = new Parser({ scriptingEnabled: false });
  parser.tokenizer = tokenizerOf(parser);
  for (const part of parts) parser.tokenizer.write(part, false);
  parser.tokenizer.write('', true);
  return treeOf(parser.document);
}

const asItIs = (parser: HtmlParser) => new Tokenizer(parser.options, parser);
const inRuns = (parser: HtmlParser) => new RunTokenizer(parser);

test('text taken in runs gives the tree that it gives character by character, wherever the page is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 4 }), (parts) => {
      const html = parts.map((pieces) => pieces.join(''));
      expect(parsed(html, inRuns)).toStrictEqual(parsed(html, asItIs));
    }),
    { numRuns: 3000 },
  );
});

test('in a page of frames, the spaces between its words are kept and the words are not (HTML §13.2.6.4.20)', () => {
  const html = ['<frameset>one two <frame>three four</frameset>five six'];
  expect(parsed(html, inRuns)).toStrictEqual(parsed(html, asItIs));
});
