import { describe, expect, test } from 'vitest';
import { contentKind, decodeText, parseMediaType } from '../../src/answer/charset.ts';

const shiftJis = Buffer.from([0x93, 0xfa, 0x96, 0x7b]); // 日本

describe('the charset, in order of belief', () => {
  const cases: [string, Buffer, string | null, string, string][] = [
    ['a BOM before the header', Buffer.from('\ufeffé'), 'text/plain; charset=latin1', 'é', 'utf-8'],
    ['UTF-16 by its BOM', Buffer.from('\ufeffé', 'utf16le'), null, 'é', 'utf-16le'],
    ['the header', shiftJis, 'text/plain; charset="Shift_JIS"', '日本', 'shift_jis'],
    [
      'the header before <meta>',
      Buffer.from('<meta charset=utf-8>\xe9', 'latin1'),
      'text/html;charset=iso-8859-1',
      '<meta charset=utf-8>é',
      'windows-1252',
    ],
    [
      '<meta charset>',
      Buffer.concat([Buffer.from("<meta charset='shift_jis'>"), shiftJis]),
      'text/html',
      "<meta charset='shift_jis'>日本",
      'shift_jis',
    ],
    [
      '<meta http-equiv>',
      Buffer.concat([
        Buffer.from('<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset=euc-jp">'),
        Buffer.from([0xc6, 0xfc]),
      ]),
      'text/html',
      '<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset=euc-jp">日',
      'euc-jp',
    ],
    [
      'the XML declaration',
      Buffer.from('<?xml version="1.0" encoding="iso-8859-15"?><a>\xa4</a>', 'latin1'),
      'application/xml',
      '<?xml version="1.0" encoding="iso-8859-15"?><a>€</a>',
      'iso-8859-15',
    ],
    ['UTF-8 when the bytes are', Buffer.from('日本'), 'text/plain', '日本', 'utf-8'],
    [
      'windows-1252 otherwise',
      Buffer.from([0x93, 0xe9, 0x94]),
      'text/plain',
      '“é”',
      'windows-1252',
    ],
    [
      'a label nobody knows is no label',
      Buffer.from('é'),
      'text/plain; charset=klingon',
      'é',
      'utf-8',
    ],
    [
      '<meta> that claims UTF-16 in ASCII',
      Buffer.from('<meta charset=utf-16>é'),
      'text/html',
      '<meta charset=utf-16>é',
      'utf-8',
    ],
  ];
  for (const [name, bytes, type, text, charset] of cases) {
    test(name, () => expect(decodeText(bytes, parseMediaType(type))).toEqual({ text, charset }));
  }
  test('UTF-8 cut in the middle of a character is UTF-8', () => {
    expect(decodeText(Buffer.from('日本').subarray(0, 5), parseMediaType(null)).charset).toBe(
      'utf-8',
    );
  });
});

describe('what an answer is', () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1');
  const cases: [string | null, Buffer | string, string][] = [
    ['text/html; charset=utf-8', '<p>', 'html'],
    ['application/xhtml+xml', '<p/>', 'html'],
    [null, ' <!doctype html><p>', 'html'],
    ['application/json', '{}', 'text'],
    ['application/problem+json', '{}', 'text'],
    ['application/vnd.api+json', '{}', 'text'],
    ['text/csv', 'a,b', 'text'],
    ['application/x-yaml', 'a: 1', 'text'],
    ['image/svg+xml', '<svg/>', 'text'],
    ['text/event-stream', 'data: 1', 'text'],
    ['application/octet-stream', 'plain words', 'text'],
    ['application/octet-stream', Buffer.from([0, 1, 2]), 'binary'],
    ['application/pdf', '%PDF-1.7', 'binary'],
    ['application/zip', 'PK\x03\x04', 'binary'],
    ['text/plain', Buffer.from([1, 0, 2]), 'binary'],
    ['image/png', png, 'image'],
    ['text/html', png, 'image'],
    ['image/png', '<svg onload=x>', 'text'],
    ['font/woff2', 'wOF2\x00\x01\x00\x00', 'binary'],
    ['application/msgpack', Buffer.from([0x82, 0xa1, 0x61, 0xc3, 0xa1, 0x62, 0xc2]), 'binary'],
    ['application/x-something; charset=shift_jis', shiftJis, 'text'],
    ['unknown/unknown', '<!doctype html><p>', 'html'],
    ['application/octet-stream', '<!doctype html><p>', 'text'],
    [null, '', 'text'],
    ['nonsense', 'x', 'text'],
    ['text/plain', Buffer.from('\ufeffhi', 'utf16le'), 'text'],
  ];
  for (const [type, bytes, kind] of cases) {
    test(`${type} with ${JSON.stringify(bytes.toString('latin1').slice(0, 20))} is ${kind}`, () => {
      expect(contentKind(parseMediaType(type), Buffer.from(bytes as string))).toBe(kind);
    });
  }
});

describe('text of types that nobody lists', () => {
  for (const type of `openmetrics-text dns-json x-yml csv x-patch pem-certificate-chain vnd.apple.mpegurl
    x-ndjson x-log manifest+json jwk-set+json geo+json x-python x-perl x-ruby x-diff pkcs8 pgp-keys
    vnd.github.v3.diff vnd.docker.distribution.manifest.v2+json x-terraform hcl x-properties x-ini
    x-subrip rls-services+xml vnd.google-earth.kml+xml n-triples n-quads trig sparql-query x-turtle
    vnd.ms-excel xml-dtd x-mpegurl vnd.lotus-notes x-ldif ld+json x-asciidoc wasm-text`.split(
    /\s+/,
  )) {
    test(`application/${type}`, () => {
      expect(contentKind(parseMediaType(`application/${type}`), Buffer.from('a 1\né\n'))).toBe(
        'text',
      );
    });
  }
  for (const type of ['unknown/unknown', 'model/obj', 'chemical/x-pdb', 'audio/mpegurl', 'x/y']) {
    test(type, () => {
      expect(contentKind(parseMediaType(type), Buffer.from('a 1'))).toBe('text');
    });
  }
});

describe('hostile heads are read in bounded time', () => {
  test('comments in front of what is no tag', () => {
    const startedAt = performance.now();
    for (const [between, kind] of [
      ['x', 'text'],
      ['<html>', 'html'],
      ['<!-- and no end', 'text'],
    ] as const) {
      const bytes = Buffer.from(`${'<!---->'.repeat(60)}${between}`);
      expect(contentKind(parseMediaType(null), bytes)).toBe(kind);
    }
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
  test('white space where a charset would stand', () => {
    const bytes = Buffer.from(`${'<meta '.repeat(33)}charset=${' '.repeat(3800)}`);
    const startedAt = performance.now();
    for (let times = 0; times < 100; times += 1) decodeText(bytes, { essence: 'text/html' });
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
