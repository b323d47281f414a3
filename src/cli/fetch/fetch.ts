/** `fetch <url>`, alias `curl`: curl's options and exit codes, with Access's challenges met on the way. */
import { type Command, Option } from 'commander';
import { integer, seconds } from '../terminal/numbers.ts';
import type { Shell } from '../terminal/shell.ts';
import type { Datum, FetchOptions } from './options.ts';

const description = `Fetches the URL as curl would, and gets through Cloudflare Access where that guards it: with your session, refreshed when it has expired, or by having you sign in in your browser. The body goes to stdout as it comes; Access’s own credentials are cut out of what is printed.`;

const exitCodes = `
Exit codes, as curl's:
  0  done, whatever the status      28  too slow (--max-time)
  1  a scheme that is not fetched   35  TLS failed
  2  usage error                    47  a redirect cannot be followed
  3  no URL                         52  no answer
  6  host not found                 56  connection lost
  7  no connection                  60  certificate not trusted
 18  the body broke off             61  broken encoding
 22  400 or above, with --fail      67  Access cannot be got through
 23  output cannot be written           (curl: login denied)
 26  input cannot be read

Unlike curl: certificates are always verified; a repeated header is sent as
one; credentials of Access cannot be set by hand; a redirect takes no header
to another origin that could hold a secret.

Examples:
  cloudflare-access-mcp fetch wiki.corp.example.com/page
  cloudflare-access-mcp curl -sSfL -o report.pdf https://wiki.corp.example.com/report.pdf
  cloudflare-access-mcp curl --json '{"title":"x"}' https://api.corp.example.com/issues`;

export function addFetch(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  // One list for all of them: curl sends data in the order in which it was given.
  const data: Datum[] = [];
  const datum = (kind: Datum['kind']) => (text: string) => void data.push({ kind, text });
  const add = (text: string, kept: string[] = []) => [...kept, text];
  program
    .command('fetch')
    .alias('curl')
    .argument('<url>', 'https, or http on this machine')
    .summary('fetch a URL as curl would, signing in where needed')
    .description(description)
    .option('-X, --request <method>', 'the method')
    .option('-H, --header <field>', 'send this header, "Name: value"; may be repeated', add)
    .option('-A, --user-agent <name>', 'the same for User-Agent')
    .option('-u, --user <name:password>', 'the application’s own Basic authentication')
    .option('-d, --data <data>', 'send as a form; @file reads it, @- from stdin', datum('form'))
    .option('--data-raw <data>', 'the same, @ having no meaning', datum('raw'))
    .option('--data-binary <data>', 'the same, line ends being kept', datum('binary'))
    .option(
      '--data-urlencode <data>',
      'the same, percent-encoded: text, name=text',
      datum('encode'),
    )
    .option('--json <data>', 'send JSON, and ask for JSON', datum('json'))
    .option('-G, --get', 'send the data in the query')
    .option('-I, --head', 'send HEAD and print the headers')
    .option('-i, --include', 'print the headers as well')
    .option('-L, --location', 'follow redirects')
    .option('--max-redirs <number>', 'maximum number of redirects to follow', integer(1000), 50)
    .option('-o, --output <file>', 'write the body to this file; - is stdout')
    .option('-w, --write-out <format>', 'print this afterwards, such as %{http_code}')
    .option('-f, --fail', 'no body and exit code 22 when the status is 400 or above')
    .option('--fail-with-body', 'exit code 22 with the body')
    .option('--compressed', 'ask for a compressed body, and decompress it')
    .option('--markdown', 'print HTML as Markdown, as agents read it, and ask for Markdown')
    .option('-m, --max-time <seconds>', 'for everything, a sign-in included', seconds(86_400))
    .option('-s, --silent', 'no progress and no errors; a sign-in is shown all the same')
    .option('-S, --show-error', 'errors in spite of --silent')
    .option('-v, --verbose', 'tell on stderr what is sent and what comes back')
    .addOption(
      new Option('-k, --insecure', 'not offered: certificates are always verified').hideHelp(),
    )
    .option('--no-sign-in', 'fail instead of asking you to sign in')
    .option('--wait <seconds>', 'how long to wait for you to sign in', seconds(600), 600)
    .addHelpText('after', exitCodes)
    .action(async (url: string, options: Omit<FetchOptions, 'data'>) => {
      const { runFetch } = await import('./run.ts');
      end(await runFetch(shell, url, { ...options, data }));
    });
}
