/**
 * curl's options that are not offered on purpose, and why: saying so is more use than “unknown option”.
 * And those that ask for what is so in any case.
 */
import { type Command, Option } from 'commander';
import { CurlFailure } from './exit-code.ts';

const proxies =
  'Proxies come from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), so that signing in and fetching go the same way, and no password of a proxy stands in the process list.';
const elsewhere =
  'A credential goes to the host that it is for, and DNS and TLS say which machine that is: it is not sent anywhere else. For a development server, use its own name.';
const authorities =
  'Authorities come from the environment, for signing in as well: set NODE_EXTRA_CA_CERTS to the PEM file of the root certificate.';

const addresses =
  'The system decides which addresses of a host are tried, IPv4 or IPv6, and the first that answers is taken.';

const schemes =
  'The application’s own Basic credentials are sent with --user, and its Bearer token with --oauth2-bearer.';
const records =
  'A record of every byte would hold the credential: --verbose prints what is sent and received without it.';
const asRead =
  'Dot segments are resolved and what is sent is what was asked for, because a credential can be for one path alone.';

const refusals: readonly [flags: string, why: string][] = [
  [
    '-k, --insecure',
    'Certificates are always verified: without that, anyone on the way could take the credential. For a private authority (TLS inspection, Cloudflare Gateway) set NODE_EXTRA_CA_CERTS to the PEM file of its root certificate.',
  ],
  ['-x, --proxy <url>', proxies],
  ['-U, --proxy-user <name>', proxies],
  ['--socks5 <host>', proxies],
  ['--resolve <entry>', elsewhere],
  ['--connect-to <entry>', elsewhere],
  ['--unix-socket <path>', elsewhere],
  ['--cacert <file>', authorities],
  [
    '-E, --cert <file>',
    'Client certificates are not offered: Access’s own credentials are sent, and mTLS needs the device’s.',
  ],
  ['--key <file>', 'Client certificates are not offered, nor their keys.'],
  ['--capath <folder>', authorities],
  ['--noproxy <hosts>', proxies],
  ['--digest', schemes],
  ['--ntlm', schemes],
  ['--negotiate', schemes],
  ['--anyauth', schemes],
  ['--path-as-is', asRead],
  ['--request-target <path>', asRead],
  ['--trace <file>', records],
  ['--trace-ascii <file>', records],
  [
    '-:, --next',
    'The options are for all URLs: for a request of another kind, run the command once more.',
  ],
  ['-4, --ipv4', addresses],
  ['-6, --ipv6', addresses],
  [
    '-n, --netrc',
    'Passwords are not looked up in a file that other programs keep: give the application’s own with --user.',
  ],
  [
    '--location-trusted',
    'Credentials and headers stay at the origin they are for. --location follows redirects; what another origin needs has to be asked of it by name.',
  ],
  [
    '-K, --config <file>',
    'A configuration could hold any of the options that are not offered, and usually a credential. Give the options on the command line; the credential is attached by this command itself.',
  ],
];

const soAnyway = [
  '-N, --no-buffer',
  '-g, --globoff',
  '-#, --progress-bar',
  '--no-progress-meter',
  '--http1.1',
  '--http2',
  '--basic',
  '--tlsv1.2',
  '--proto <protocols>',
  '--proto-redir <protocols>',
  '--tcp-nodelay',
  '--no-keepalive',
  '-q, --disable',
  // One after another gives the same.
  '-Z, --parallel',
  '--parallel-max <number>',
];

export function addRefused(command: Command, refuse: (why: CurlFailure) => void): void {
  for (const flags of soAnyway) command.addOption(new Option(flags, 'so anyway').hideHelp());
  for (const [flags, why] of refusals) {
    const option = new Option(flags, 'not offered').hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      const name = option.long ?? flags;
      refuse(new CurlFailure(2, `${name} is not offered. ${why}`));
    });
  }
}
