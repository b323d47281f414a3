/** What -F, -T, -b, -r and their kin send: the same as from the real curl, at the origin. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../program.ts';
import { type Files, hasCurl, withCurl, withOurs } from './beside-curl.ts';
import { type Recorded, recordingOrigin } from './recording-origin.ts';

let program: Program;
beforeAll(async () => {
  program = await createProgram();
});
afterAll(() => program.remove());

const files: Files = {
  'lines.txt': 'name=Ada\r\nand=more\n',
  'page.html': '<p>x</p>',
  'two words.bin': 'a\u0000b',
  'quote".dat': 'q',
  empty: '',
  'fields.txt': '# no field\nReferer: https://b.example/\n\nAccept: text/x\n',
  'jar.txt': [
    '# Netscape HTTP Cookie File',
    '127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\t1',
    '#HttpOnly_127.0.0.1\tFALSE\t/deep\tFALSE\t0\tdeep\t2',
    '127.0.0.1\tFALSE\t/\tFALSE\t1000\tover\t3',
    'example.com\tFALSE\t/\tFALSE\t0\telsewhere\t4',
    '',
  ].join('\n'),
};

/** Without what every client says in its own way; boundaries by the order in which they come. */
function essence({ method, target, fields, body }: Recorded): unknown {
  const boundaries: string[] = [];
  const plain = (text: string) =>
    text.replace(/-{24}[0-9A-Za-z]{16,22}/g, (found) => {
      if (!boundaries.includes(found)) boundaries.push(found);
      return `BOUNDARY-${boundaries.indexOf(found)}`;
    });
  const type = plain(fields['content-type'] ?? '');
  const { accept, authorization, cookie, range, referer } = fields;
  const isExact = Number(fields['content-length'] ?? -1) === body.length;
  const length = fields['transfer-encoding'] ?? (isExact || body.length === 0 ? 'exact' : 'wrong');
  const content = plain(body.toString('latin1'));
  return { method, target, type, accept, authorization, cookie, range, referer, length, content };
}

const cases: [name: string, args: string[], paths?: string[], input?: string][] = [
  ['a field', ['-F', 'a=b']],
  ['a field with a type', ['-F', 'a={"x":1};type=application/json']],
  ['a type with a parameter', ['-F', 'a=b;type=text/plain; charset=utf-8']],
  ['a field in quotes', ['-F', 'a="x;y\\"z"']],
  ['an empty field', ['-F', 'a=']],
  ['a name with a quote and a line break', ['-F', 'a"\nb=c']],
  ['a field that is no file', ['--form-string', 'a=@lines.txt;type=text/x']],
  ['a file', ['-F', 'file=@lines.txt']],
  ['a file whose type is guessed', ['-F', 'file=@page.html']],
  ['a file whose type nobody knows', ['-F', 'file=@two words.bin']],
  ['a file with a quote in its name', ['-F', 'file=@quote".dat']],
  ['an empty file', ['-F', 'file=@empty']],
  ['a file by another name and type', ['-F', 'file=@lines.txt;filename=b.csv;type=text/csv']],
  ['a file by a name in quotes', ['-F', 'file=@lines.txt;filename="a;b,c"']],
  ['a field from a file', ['-F', 'text=<lines.txt']],
  ['a field from a file with a type', ['-F', 'text=<page.html']],
  ['several files of one field', ['-F', 'files=@lines.txt,page.html;type=text/x']],
  ['stdin as a file', ['-F', 'file=@-'], ['/'], 'from stdin'],
  ['several fields', ['-F', 'a=1', '-F', 'f=@lines.txt', '-F', 'b=2']],
  ['a multipart type of one’s own', ['-F', 'a=b', '-H', 'Content-Type: multipart/form-data; x=y']],
  ['a form by another method', ['-X', 'PUT', '-F', 'a=b']],
  ['a form for each of two URLs', ['-F', 'f=@lines.txt'], ['/1', '/2']],
  ['an upload', ['-T', 'lines.txt'], ['/name']],
  ['an upload into a folder', ['-T', 'two words.bin'], ['/folder/']],
  ['an upload into a folder, with a query', ['-T', 'lines.txt'], ['/folder/?a=b']],
  ['an upload of nothing', ['-T', 'empty'], ['/name']],
  ['two uploads', ['-T', 'lines.txt', '-T', 'empty'], ['/1/', '/2/']],
  ['an upload by another method', ['-X', 'POST', '-T', 'lines.txt'], ['/name']],
  ['lines of a file as a form', ['-d', '@lines.txt']],
  ['a file as a form between others', ['-d', 'a=1', '-d', '@lines.txt', '-d', 'b=2']],
  ['a file as it is', ['--data-binary', '@two words.bin']],
  ['a file between others as it is', ['--data-binary', 'a', '--data-binary', '@empty', '-d', 'b']],
  ['JSON from a file', ['--json', '@lines.txt']],
  ['data for each of two URLs', ['-d', '@lines.txt'], ['/1', '/2']],
  ['a file in the query', ['-G', '-d', '@lines.txt']],
  ['data by another name', ['--data-ascii', '@lines.txt']],
  ['more of a query', ['--url-query', 'a= b', '--url-query', 'c'], ['/?x=1', '/']],
  ['fields from a file', ['-H', '@fields.txt']],
  ['no media type', ['-d', 'a=b', '-H', 'Content-Type:']],
  ['a bearer token', ['--oauth2-bearer', 'abc']],
  ['a cookie', ['-b', 'a=b']],
  ['cookies', ['-b', 'a=b; c=d', '-b', 'e=f']],
  ['cookies from a file', ['-b', 'jar.txt'], ['/', '/deep/er']],
  ['cookies from a file and by hand', ['-b', 'jar.txt', '-b', 'a=b']],
  ['no cookies from no file', ['-b', 'nowhere']],
  ['a range', ['-r', '0-499']],
  ['ranges', ['-r', '0-1,4-5']],
  ['the end', ['-r', '-500']],
  ['all from there on', ['-r', '7']],
  ['all from there on, to be continued', ['-C', '7']],
  ['a referrer', ['-e', 'https://a.example/page']],
  [
    'what is so in any case',
    ['-Ng#', '--no-progress-meter', '--http1.1', '--proto', '=http,https', '--tlsv1.2', '--basic'],
  ],
];

describe.skipIf(!hasCurl)('the origin sees the same as from curl', () => {
  it.each(cases)('%s', async (_name, args, paths = ['/'], input) => {
    const origin = await recordingOrigin();
    const all = ['-s', ...args, ...paths.map((path) => origin.url(path))];
    const options = { files, ...(input === undefined ? {} : { input }) };
    const theirs = await withCurl(program, all, options);
    const expected = origin.requests.splice(0).map(essence);
    const ours = await withOurs(program, all, options);
    expect(expected).toHaveLength(paths.length);
    expect(origin.requests.map(essence)).toEqual(expected);
    expect(ours.run).toMatchObject({ code: theirs.run.code, stdout: theirs.run.stdout });
    expect(origin.requests.map(({ fields }) => fields['content-length'] ?? '0')).toEqual(
      origin.requests.map(({ body }) => String(body.length)),
    );
  });

  it('of the URLs that --url gives', async () => {
    const origin = await recordingOrigin();
    const all = ['-s', '--url', origin.url('/1'), '--url', origin.url('/2')];
    const theirs = await withCurl(program, all);
    const expected = origin.requests.splice(0).map(essence);
    const ours = await withOurs(program, all);
    expect(origin.requests.map(essence)).toEqual(expected);
    expect(ours.run.stdout).toBe(theirs.run.stdout);
  });

  it('stdin as it comes, after it is known that nobody asks for a sign-in', async () => {
    const origin = await recordingOrigin();
    const args = ['-s', '-T', '-', origin.url('/folder/')];
    await withCurl(program, args, { input: 'from stdin' });
    const expected = origin.requests.splice(0).map(essence);
    await withOurs(program, args, { input: 'from stdin' });
    expect(origin.requests.map(({ method }) => method)).toEqual(['GET', 'PUT']);
    expect(origin.requests.slice(1).map(essence)).toEqual(expected);
  });
});

describe.skipIf(!hasCurl)('refused as curl refuses it, before anything is sent', () => {
  const refused: [name: string, args: string[], exitCode: number][] = [
    ['a form and data', ['-F', 'a=b', '-d', 'c'], 2],
    ['an upload and data', ['-T', 'lines.txt', '-d', 'c'], 2],
    ['an upload and a form', ['-T', 'lines.txt', '-F', 'a=b'], 2],
    ['a head and data', ['-I', '-d', 'c'], 2],
    ['a field without a value', ['-F', 'a'], 2],
    ['a type that is none', ['-F', 'a=b;type=none'], 2],
    ['an upload that is not there', ['-T', 'nowhere'], 26],
    ['a form’s file that is not there', ['-F', 'a=@nowhere'], 26],
    ['heads with a name from the answer', ['-iOJ'], 2],
    ['to go on under a name from the answer', ['-OJ', '-C', '-'], 2],
  ];

  it.each(refused)('%s', async (_name, args, exitCode) => {
    const origin = await recordingOrigin();
    const all = ['-s', ...args, origin.url('/file')];
    const theirs = await withCurl(program, all, { files });
    const ours = await withOurs(program, all, { files });
    expect([theirs.run.code, ours.run.code]).toEqual([exitCode, exitCode]);
    expect(ours.files).toEqual(files);
    expect(origin.requests).toEqual([]);
  });
});

it.each([
  [['-k'], 'NODE_EXTRA_CA_CERTS'],
  [['-x', 'http://proxy.example'], 'HTTPS_PROXY'],
  [['-xhttp://proxy.example'], 'HTTPS_PROXY'],
  [['-sk'], ''],
  [['--resolve', 'a:1:127.0.0.1'], 'DNS and TLS'],
  [['-4'], 'decides which addresses'],
  [['-n'], '--user'],
  [['--location-trusted'], '--location follows redirects'],
  [['-b', 'CF_Authorization=x'], 'only cloudflare-access-mcp sends'],
  [['-C', '-', '-r', '0-1'], '--continue-at'],
  [['-C', 'x'], '--continue-at takes'],
  [['-r', 'all'], '--range takes'],
  [['-F', 'a=(;type=multipart/mixed'], 'name=@one,two'],
  [['-F', 'a=b;c'], 'quotes around'],
  [['-F', 'a=@lines.txt;encoder=base64'], 'encoder= is not offered'],
  [['-T', '-', '-T', '.'], 'a single time'],
])('refuses %j and says why, before anything is sent', async (args, says) => {
  const origin = await recordingOrigin();
  const { run } = await withOurs(program, [...args, origin.url()], { files });
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toContain(says);
  expect(origin.requests).toEqual([]);
});
