/** `login <url>`: the tool authenticate, for people. */
import { type Command, Option } from 'commander';
import type { AuthenticateOptions } from '../access/authenticate.ts';
import { callbackResponse } from '../tools/callback-address.ts';
import { address } from './terminal/address.ts';
import { checkedUserAgent } from './terminal/checked-user-agent.ts';
import { conclude } from './terminal/conclude.ts';
import { tellFailure } from './terminal/failure.ts';
import { seconds } from './terminal/numbers.ts';
import { readPasted } from './terminal/pasted-callback.ts';
import type { Shell } from './terminal/shell.ts';
import { createSignInPrompt } from './terminal/sign-in-prompt.ts';
import { reportSignIn } from './terminal/sign-in-report.ts';
import { type OpenRooms, withRooms } from './with-rooms.ts';

interface Options {
  method: AuthenticateOptions['method'];
  device?: true;
  force?: true;
  wait: number;
  callbackUrl?: string;
  userAgent?: string;
  json?: true;
}

export function addLogin(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('login')
    .argument('<url>', 'any URL of the application')
    .summary('sign in to an application')
    .description(
      `Makes sure that the URL can be fetched: with the existing session, by refreshing it, or by having you sign in in your browser. The address to open is printed as well. Exit code 0 if the URL can be fetched now, else 1.`,
    )
    .addOption(
      new Option('--method <method>', 'how to sign in')
        .choices(['auto', 'browser', 'device', 'service_token'])
        .default('auto'),
    )
    .addOption(
      new Option('--device', 'with a short code to enter in any browser').conflicts('method'),
    )
    .option('--force', 'sign in afresh even if there is a session or an open sign-in')
    .option(
      '--wait <seconds>',
      'how long to wait for you; 0 only prints the address',
      seconds(600),
      600,
    )
    .option(
      '--callback-url <address>',
      'finish a sign-in with the address that its browser could not load',
    )
    .option(
      '-A, --user-agent <name>',
      'where a firewall refuses this program by its name, ask under this one',
    )
    .option('--json', 'print one JSON object, as the tool authenticate does')
    .action(async (text: string, options: Options) => {
      let url: URL | undefined;
      const failure = () => ({ json: options.json, url });
      end(
        await conclude(shell, failure, () => {
          url = address(text);
          const target = url;
          const userAgent = checkedUserAgent(options.userAgent);
          return withRooms(shell, (open) => {
            if (userAgent !== undefined) open.rooms.access.userAgents.passed(target, userAgent);
            return run(shell, target, options, open);
          });
        }),
      );
    });
}

async function run(shell: Shell, url: URL, options: Options, open: OpenRooms): Promise<number> {
  const { rooms, signal } = open;
  const { access } = rooms;
  const pastes = process.stdin.isTTY && options.wait > 0 && !options.json;
  const prompt = createSignInPrompt(shell, rooms, { browser: options.wait > 0, pastes });
  const request = (callback?: URLSearchParams): AuthenticateOptions => ({
    method: options.device ? 'device' : options.method,
    force: options.force ?? false,
    waitMs: options.wait * 1000,
    callback,
    askPerson: prompt.askPerson,
    signal,
    onWaiting: prompt.onWaiting,
    onJoined: prompt.onJoined,
  });
  if (options.callbackUrl !== undefined) {
    const outcome = await access.authenticate(url, request(callbackResponse(options.callbackUrl)));
    return await reportSignIn(shell, url, outcome, rooms, { json: options.json === true });
  }
  const redeem = async (line: string): Promise<void> => {
    prompt.done();
    try {
      // This also ends the wait below.
      await access.authenticate(url, request(callbackResponse(line)));
    } catch (error) {
      tellFailure(shell, error, { url });
    }
  };
  const pasted = pastes ? readPasted((line) => void redeem(line)) : undefined;
  try {
    const outcome = await access.authenticate(url, request());
    prompt.done();
    return await reportSignIn(shell, url, outcome, rooms, { json: options.json === true });
  } finally {
    prompt.done();
    pasted?.stop();
  }
}
