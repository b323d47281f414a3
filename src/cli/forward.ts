/**
 * `forward <url>`: serves the origin at a local address, for programs that know nothing about Access.
 * Prints only that address to stdout, for scripts.
 */
import type { Command } from 'commander';
import { AccessError } from '../errors.ts';
import { createConnectionOwner } from '../host/loopback/connection-owner.ts';
import { createCredentialedSend } from '../relay/credentialed-send.ts';
import { startRelay } from '../relay/relay.ts';
import { passOnTo } from './pass-on-to.ts';
import { address } from './terminal/address.ts';
import { failureText } from './terminal/failure.ts';
import { integer, seconds } from './terminal/numbers.ts';
import { portNotToBeHad } from './terminal/port-not-to-be-had.ts';
import type { Shell } from './terminal/shell.ts';
import { createSignInPrompt } from './terminal/sign-in-prompt.ts';
import { unlessJustTold } from './terminal/unless-just-told.ts';
import type { OpenRooms } from './with-rooms.ts';

interface Options {
  port: number;
  wait: number;
}

export function addForward(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('forward')
    .argument('<url>', 'the origin: scheme, host and port')
    .summary('serve an origin at a local address')
    .description(
      `Serves the origin at an address on this machine, http://127.0.0.1:PORT, so that npm, git, docker, browsers under test and other programs get through Cloudflare Access unchanged: each request is passed on with your session, streaming in both directions. The address is the first line of stdout. If you have to sign in, your browser opens and the request waits. Ctrl-C ends it.

  cloudflare-access-mcp forward https://git.example.com --port 8000
  git clone http://127.0.0.1:8000/team/project.git`,
    )
    .option('--port <number>', 'the local port; by default any free one', integer(65_535), 0)
    .option('--wait <seconds>', 'how long a request waits for you to sign in', seconds(600), 25)
    .action(async (text: string, options: Options) => {
      end(
        await passOnTo(
          shell,
          () => originOnly(address(text)),
          (url, open) => run(shell, url, options, open),
        ),
      );
    });
}

async function run(shell: Shell, remote: URL, options: Options, open: OpenRooms): Promise<number> {
  const { rooms, config, interrupted } = open;
  const { err, out, environment } = shell;
  const explain = (error: unknown) =>
    failureText(error, { url: remote, environment, repeats: 'request' });
  const prompt = createSignInPrompt(shell, rooms);
  const server = await startRelay({
    remote,
    port: options.port,
    send: createCredentialedSend({
      access: rooms.access,
      mayAsk: !config.headless,
      waitMs: options.wait * 1000,
      askPerson: prompt.askPerson,
    }),
    ownerOf: createConnectionOwner(),
    explain,
    onFailure: unlessJustTold((text) => err.line(text), explain),
  });
  if (typeof server === 'string')
    throw portNotToBeHad(options.port, server, [{ do: 'choose_port' }]);
  try {
    out.line(`http://127.0.0.1:${server.port}`);
    err.line(err.paint('dim', `It serves ${remote.origin}. Ctrl-C ends it.`));
    await interrupted;
    return 0;
  } finally {
    server.close();
  }
}

/** Throws `invalid_input` for a URL with a path: it would suggest that other paths are not served. */
function originOnly(url: URL): URL {
  if (url.pathname === '/' && url.search === '' && url.hash === '') return url;
  throw new AccessError(
    'invalid_input',
    `forward serves every path of an origin, and ${url.host} was given with one.`,
    [{ do: 'correct_input', with: `${url.origin}, and put the path behind the local address` }],
  );
}
