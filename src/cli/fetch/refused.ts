/** curl's options that are not offered on purpose, and why: saying so is more use than “unknown option”. */
import { type Command, Option } from 'commander';
import { CurlFailure } from './exit-code.ts';

const proxies =
  'Proxies come from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), so that signing in and fetching go the same way, and no password of a proxy stands in the process list.';
const elsewhere =
  'A credential goes to the host that it is for, and DNS and TLS say which machine that is: it is not sent anywhere else. For a development server, use its own name.';
const authorities =
  'Authorities come from the environment, for signing in as well: set NODE_EXTRA_CA_CERTS to the PEM file of the root certificate.';

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
  [
    '--location-trusted',
    'Credentials and headers stay at the origin they are for. --location follows redirects; what another origin needs has to be asked of it by name.',
  ],
  [
    '-K, --config <file>',
    'A configuration could hold any of the options that are not offered, and usually a credential. Give the options on the command line; the credential is attached by this command itself.',
  ],
];

export function addRefused(command: Command, refuse: (why: CurlFailure) => void): void {
  for (const [flags, why] of refusals) {
    const option = new Option(flags, 'not offered').hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      const name = option.long ?? flags;
      refuse(new CurlFailure(2, `${name} is not offered. ${why}`));
    });
  }
}
