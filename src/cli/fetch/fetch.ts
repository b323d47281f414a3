/** `fetch <url>`, alias `curl`: curl's options and exit codes, signing in to Access where necessary. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { integer, seconds } from '../terminal/numbers.ts';
import type { Shell } from '../terminal/shell.ts';
import type { CurlFailure } from './exit-code.ts';
import type { Datum, FetchLists, FetchOptions, OutputOption } from './options.ts';
import { addRefused } from './refused.ts';

const description = `Fetches the URL as curl would, and gets through Cloudflare Access if that guards it: with your session, refreshed if it has expired, or by having you sign in in your browser. The body is written to stdout as it arrives; Access’s own credentials are removed from what is printed.`;

const afterHelp = `
Exit codes, as curl's; with several URLs, the last one's:
  0  done, whatever the status      33  not resumed: no such part
  1  a scheme that is not fetched   35  TLS failed
  2  usage error                    47  a redirect cannot be followed
  3  no URL                         52  no answer
  6  host not found                 56  connection lost
  7  no connection                  60  certificate not trusted
 18  the body broke off             61  broken encoding
 22  400 or above, with --fail      63  larger than --max-filesize
 23  output cannot be written       65  stdin cannot be sent again
 26  input cannot be read           67  Access cannot be got through
 28  too slow (--max-time)              (curl: login denied)

Unlike curl: certificates are always verified, proxies and authorities come
from the environment, and credentials of Access cannot be set by hand, also
not as a cookie (-k, -x, --resolve and others say why they are not offered).
A repeated header is sent as one; a redirect takes no header to another origin
that could hold a secret, and no body. An answer that is retried is not
printed; one that is no success is not added to a file by -C. A name that the
answer gives (-J) loses its path and leading dots. URLs are taken as they are:
no {a,b} or [1-9].

Examples:
  cloudflare-access-mcp fetch wiki.corp.example.com/page
  cloudflare-access-mcp curl -sSfL -o report.pdf https://wiki.corp.example.com/report.pdf
  cloudflare-access-mcp curl --json '{"title":"x"}' https://api.corp.example.com/issues
  cloudflare-access-mcp curl -F title=Plan -F file=@plan.pdf https://wiki.corp.example.com/upload
  cloudflare-access-mcp curl --retry 5 -C - -O https://builds.corp.example.com/image.iso`;

type Given = Omit<FetchOptions, keyof FetchLists>;

export function addFetch(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  // In the order in which they were given: data is sent so, and the first output is for the first URL.
  const data: Datum[] = [];
  const form: Datum[] = [];
  const query: Datum[] = [];
  const outputs: OutputOption[] = [];
  const uploads: string[] = [];
  const refused: CurlFailure[] = [];
  const datum =
    (kind: Datum['kind'], into = data) =>
    (text: string) =>
      void into.push({ kind, text });
  const add = (text: string, kept: string[] = []) => [...kept, text];
  const command = program
    .command('fetch')
    .alias('curl')
    .argument('[url...]', 'https, or http on this machine')
    .summary('fetch a URL as curl would, signing in where needed')
    .description(description)
    .optionsGroup('What is sent:')
    .option('--url <url>', 'another way to give one; may be repeated', add)
    .option('-X, --request <method>', 'the method')
    .option('-H, --header <field>', 'send this header, "Name: value"; @file: each line', add)
    .option('-A, --user-agent <name>', 'the same for User-Agent')
    .option('-e, --referer <url>', 'the same for Referer')
    .option('-u, --user <name:password>', 'the application’s own Basic authentication')
    .option('--oauth2-bearer <token>', 'the application’s own Bearer token')
    .option('-b, --cookie <data>', 'cookies, name=value; or the file that they are in', add)
    .option('-c, --cookie-jar <file>', 'write the application’s cookies there afterwards')
    .option('-d, --data <data>', 'send as a form; @file reads it, @- from stdin', datum('form'))
    .addOption(new Option('--data-ascii <data>').argParser(datum('form')).hideHelp())
    .option('--data-raw <data>', 'the same, but @ has no meaning', datum('raw'))
    .option('--data-binary <data>', 'the same, but line breaks are kept', datum('binary'))
    .option(
      '--data-urlencode <data>',
      'the same, percent-encoded: text, name=text',
      datum('encode'),
    )
    .option('--json <data>', 'send JSON and accept JSON', datum('json'))
    .option(
      '-F, --form <field>',
      'a multipart field: name=value, name=@file, name=<file; then ;type=… ;filename=…',
      datum('form', form),
    )
    .option('--form-string <field>', 'the same, no character having a meaning', datum('raw', form))
    .option(
      '-T, --upload-file <file>',
      'PUT this file; - is stdin, as it comes',
      (name) => void uploads.push(name),
    )
    .option('-G, --get', 'send the data in the query')
    .option(
      '--url-query <data>',
      'add to the query, as --data-urlencode reads it',
      datum('encode', query),
    )
    .option('-I, --head', 'send HEAD and print the headers')
    .option('-r, --range <bytes>', 'only this part: 0-499, 500- or -500')
    .option('-z, --time-cond <date>', 'only if it is newer than that, or than the file named')
    .option('-C, --continue-at <offset>', 'go on from there; - is where the output file ends')
    .optionsGroup('What becomes of the answer:')
    .option(
      '-o, --output <file>',
      'write the body to this file; - is stdout',
      (file) => void outputs.push({ file }),
    )
    .option('--output-dir <folder>', 'the folder for the files of -o and -O')
    .option('--create-dirs', 'create the folders that they name')
    .option('-R, --remote-time', 'date the file as the answer is dated')
    .option('-O, --remote-name', 'write it to a file that is named as in the URL')
    .option('--remote-name-all', '-O for all URLs')
    .option('-J, --remote-header-name', 'with -O: named as the answer says, never over another')
    .option('--max-filesize <bytes>', 'exit code 63 if the body is larger; 10M', bytes)
    .option('--remove-on-error', 'leave no file behind if something fails')
    .option('-i, --include', 'print the headers as well')
    .option('-D, --dump-header <file>', 'write the headers to this file; - is stdout')
    .option('-w, --write-out <format>', 'print this afterwards, such as %{http_code}')
    .option('-f, --fail', 'no body, and exit code 22 if the status is 400 or above')
    .option('--fail-with-body', 'the same, but with the body')
    .option('--compressed', 'request a compressed body and decompress it')
    .option('--markdown', 'print HTML as Markdown, as agents get it, and prefer Markdown')
    .option('-s, --silent', 'no progress and no errors; a sign-in is still shown')
    .option('-S, --show-error', 'show errors even with --silent')
    .option('-v, --verbose', 'print on stderr what is sent and received')
    .optionsGroup('How far it goes:')
    .option('-L, --location', 'follow redirects')
    .option(
      '--max-redirs <number>',
      'maximum number of redirects to follow; -1: any',
      redirects,
      50,
    )
    .option('-m, --max-time <seconds>', 'for each transfer, a sign-in included', seconds(86_400))
    .option('--connect-timeout <seconds>', 'for a connection; 10 when absent', seconds(600))
    .option(
      '--retry <number>',
      'try again: too slow, no host, 408, 429, 500, 502–504',
      integer(100),
    )
    .option('--retry-delay <seconds>', 'between attempts; else 1, 2, 4 …', seconds(86_400))
    .option('--retry-max-time <seconds>', 'no further attempt after that', seconds(86_400))
    .option('--retry-connrefused', 'try again also where nobody listens')
    .option('--retry-all-errors', 'try again whatever has failed, but for a sign-in')
    .option('--fail-early', 'fetch no further URL after one that has failed')
    .option('--no-sign-in', 'fail instead of asking you to sign in')
    .option('--wait <seconds>', 'how long to wait for you to sign in', seconds(600), 600)
    .addHelpText('after', afterHelp)
    .action(async (urls: string[], { url = [], ...given }: Given & { url?: string[] }) => {
      const { runFetch } = await import('./run.ts');
      const lists = { data, form, query, outputs, uploads, refused };
      end(await runFetch(shell, [...url, ...urls], { ...given, ...lists }));
    });
  command.on('option:remote-name', () => void outputs.push('remote-name'));
  addRefused(command, (why) => void refused.push(why));
}

/** `-1`: as many as there are. */
function redirects(text: string): number {
  return text === '-1' ? Number.POSITIVE_INFINITY : integer(1000)(text);
}

/** As curl writes them: 500, 10k, 2M, 1G. */
function bytes(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(text) ?? [];
  if (digits === undefined)
    throw new InvalidArgumentError('It must be a number of bytes such as 500, 10k or 2M.');
  return Number(digits) * 1024 ** ' kmg'.indexOf(unit.toLowerCase() || ' ');
}
