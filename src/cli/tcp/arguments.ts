/** What `tcp` is given: a host, a local port, a destination. */
import { InvalidArgumentError } from 'commander';
import { AccessError } from '../../errors.ts';
import { bothLoopback } from '../../relay/loopback-port.ts';
import { isLoopback } from '../../secure-url.ts';
import { quoteServerText } from '../../server-text.ts';
import { address } from '../terminal/address.ts';

/** A host as ssh knows it, or the https or wss URL of one; a path may follow. Throws `invalid_input`. */
export function tcpUrl(text: string): URL {
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(text.trim())?.[1]?.toLowerCase();
  if (scheme !== undefined && !['https', 'http', 'wss', 'ws'].includes(scheme)) {
    throw new AccessError(
      'invalid_input',
      `tcp is for every protocol over TCP, and ${quoteServerText(text)} names one.`,
      [{ do: 'correct_input', with: 'the host alone, such as ssh.example.com' }],
    );
  }
  const url = address(text.trim().replace(/^ws(s?):\/\//i, 'http$1://'));
  if (url.search === '' && url.hash === '' && url.username === '') return url;
  throw new AccessError(
    'invalid_input',
    `A TCP service stands at a host, or at a path below one: ${url.host} was given with more.`,
    [{ do: 'correct_input', with: `${url.host}${url.pathname === '/' ? '' : url.pathname}` }],
  );
}

export interface LocalPort {
  readonly addresses: readonly string[];
  readonly port: number;
}

/** `5432`, `127.0.0.1:5432`, `localhost:0`, `[::1]:5432`: loopback alone. */
export function localPort(text: string): LocalPort {
  const [, host = '', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new InvalidArgumentError('It must be a port from 0 to 65535, perhaps behind an address.');
  }
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === '' || name === 'localhost') return { addresses: bothLoopback, port };
  const url = `http://${name.includes(':') ? `[${name}]` : name}`;
  if (URL.canParse(url) && isLoopback(new URL(url))) return { addresses: [name], port };
  throw new InvalidArgumentError(
    'Whoever can reach that address would be let in as you: it must be of this machine alone, such as 127.0.0.1.',
  );
}

/** `host:port`, which the bastion reads in a header field. */
export function destination(text: string): string {
  const [, port = ''] = /^(?:[\w-]+(?:\.[\w-]+)*\.?|\[[\da-f:.]+\]):(\d{1,5})$/i.exec(text) ?? [];
  if (port !== '' && Number(port) >= 1 && Number(port) <= 65_535) return text;
  throw new InvalidArgumentError('It must be a host and a port, such as db.internal:5432.');
}
