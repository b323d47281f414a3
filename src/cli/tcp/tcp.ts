/**
 * `tcp <host>`: a TCP service behind Access, on stdin and stdout as ssh's ProxyCommand wants it, or at a
 * port of this machine. Only bytes go to stdout, and with `--listen` only the address.
 */
import type { Command } from 'commander';
import { carry } from '../../carrier/carry.ts';
import { type Dialled, dial } from '../../carrier/dial.ts';
import { startTcpServer } from '../../carrier/tcp-server.ts';
import { createConnectionOwner } from '../../host/loopback/connection-owner.ts';
import { type CredentialedSend, createCredentialedSend } from '../../relay/credentialed-send.ts';
import { passOnTo } from '../pass-on-to.ts';
import { failureText } from '../terminal/failure.ts';
import { seconds } from '../terminal/numbers.ts';
import { portNotToBeHad } from '../terminal/port-not-to-be-had.ts';
import type { Shell } from '../terminal/shell.ts';
import { createSignInPrompt } from '../terminal/sign-in-prompt.ts';
import { unlessJustTold } from '../terminal/unless-just-told.ts';
import type { OpenRooms } from '../with-rooms.ts';
import { destination, type LocalPort, localPort, tcpUrl } from './arguments.ts';

interface Options {
  listen?: LocalPort;
  destination?: string;
  wait: number;
}

export function addTcp(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('tcp')
    .argument('<host>', 'the host of the TCP service; a path may follow')
    .summary('TCP through Access: ssh, databases, remote desktops')
    .description(
      `Carries a TCP connection through Cloudflare Access: on stdin and stdout, or, with --listen, each connection to a local port. Where you have to sign in, your browser opens and the connection waits.

  ssh -o ProxyCommand='cloudflare-access-mcp tcp %h' ada@ssh.example.com
  cloudflare-access-mcp tcp db.example.com --listen 5432`,
    )
    .option(
      '--listen <[address:]port>',
      'accept connections at this port of this machine; 0 for any free one',
      localPort,
    )
    .option('--destination <host:port>', 'what a bastion is to connect to', destination)
    .option('--wait <seconds>', 'how long a connection waits for you to sign in', seconds(600), 120)
    .action(async (text: string, options: Options) => {
      end(
        await passOnTo(
          shell,
          () => tcpUrl(text),
          (url, open) => run(shell, { url, destination: options.destination }, options, open),
        ),
      );
    });
}

async function run(
  shell: Shell,
  remote: Dialled,
  { wait, listen }: Options,
  open: OpenRooms,
): Promise<number> {
  const { access } = open.rooms;
  const send = createCredentialedSend({
    access,
    mayAsk: !open.config.headless,
    waitMs: wait * 1000,
    askPerson: createSignInPrompt(shell, open.rooms).askPerson,
  });
  if (listen) return serve(shell, remote, listen, send, open.interrupted);
  const { stdin, stdout } = process;
  const socket = await dial(remote, send, open.signal);
  const chunks = stdin.iterator({ destroyOnReturn: false });
  await carry({ chunks, writable: stdout }, socket, {
    url: remote.url,
    signal: open.signal,
  });
  return 0;
}

async function serve(
  { out, err, environment }: Shell,
  remote: Dialled,
  { addresses, port }: LocalPort,
  send: CredentialedSend,
  interrupted: Promise<void>,
): Promise<number> {
  const { url } = remote;
  const explain = (error: unknown) =>
    failureText(error, { url, environment, repeats: 'connection' });
  const server = await startTcpServer({
    ...remote,
    addresses,
    port,
    send,
    ownerOf: createConnectionOwner(),
    onFailure: unlessJustTold((text) => err.line(text), explain),
  });
  if (typeof server === 'string') {
    const other = 'another port behind --listen, or 0 for any that is free';
    throw portNotToBeHad(port, server, [{ do: 'correct_input', with: other }]);
  }
  try {
    const [address = ''] = addresses;
    out.line(`${address.includes(':') ? `[${address}]` : address}:${server.port}`);
    err.line(err.paint('dim', `It stands for ${url.host}. Ctrl-C ends it.`));
    await interrupted;
    return 0;
  } finally {
    server.close();
  }
}
