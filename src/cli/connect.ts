/**
 * `connect <url>`: a remote MCP server for hosts that can only start programs. stdin and stdout belong to
 * the host, which logs stderr.
 */
import type { Command } from 'commander';
import { createAsk } from '../bridge/ask.ts';
import { createBridge } from '../bridge/bridge.ts';
import { createLineWriter, LineTooLong, linesOf } from '../bridge/host-lines.ts';
import { AccessError } from '../errors.ts';
import { createCredentialedSend } from '../relay/credentialed-send.ts';
import { stepForAgents } from '../tools/step-for-agents.ts';
import { passOnTo } from './pass-on-to.ts';
import { address } from './terminal/address.ts';
import { failureText } from './terminal/failure.ts';
import { seconds } from './terminal/numbers.ts';
import type { Shell } from './terminal/shell.ts';
import { createSignInPrompt } from './terminal/sign-in-prompt.ts';
import type { OpenRooms } from './with-rooms.ts';

interface Options {
  wait: number;
}

export function addConnect(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('connect')
    .argument('<url>', 'the address of the MCP server, path included')
    .summary('a remote MCP server on stdio')
    .description(
      `Connects an MCP host to a remote MCP server behind Cloudflare Access: for hosts that can only start servers as programs. Messages pass unchanged in both directions, over Streamable HTTP, or over HTTP with SSE if the server supports nothing else. If you have to sign in, your browser opens.

  {"command": "cloudflare-access-mcp", "args": ["connect", "https://app.example.com/mcp"]}`,
    )
    .option('--wait <seconds>', 'how long a message waits for you to sign in', seconds(600), 20)
    .action(async (text: string, options: Options) => {
      end(
        await passOnTo(
          shell,
          () => address(text),
          (url, open) => run(shell, url, options, open),
          { leavesAtOnce: true },
        ),
      );
    });
}

/**
 * The time limit for ending the session at the server, since hosts soon kill a process that does not exit.
 */
const endingMs = 500;

/** After stdin's end, for the answers to what was asked before it. */
const answersMs = 400;
/** The same where nothing has been answered yet: stdin was a file or a pipe, and is no host that leaves. */
const firstAnswersMs = 5_000;

async function run(shell: Shell, url: URL, { wait }: Options, open: OpenRooms): Promise<number> {
  const { rooms, config, interrupted } = open;
  const { clock } = rooms;
  const { err, environment } = shell;
  const person = (error: unknown) => failureText(error, { url, environment, repeats: 'message' });
  const waiting = {
    access: rooms.access,
    waitMs: wait * 1000,
    askPerson: createSignInPrompt(shell, rooms).askPerson,
  };
  const { stdin, stdout } = process;
  const bridge = createBridge({
    url,
    ask: createAsk({
      send: createCredentialedSend({ ...waiting, mayAsk: !config.headless }),
      quietly: createCredentialedSend({ ...waiting, mayAsk: false }),
    }),
    write: createLineWriter(stdout),
    explain: { person, agent: stepForAgents },
    onFailure: (error) => err.line(person(error)),
  });
  // A host that has closed its end of stdout has exited; each answer that still comes is another error.
  const left = new Promise<void>((resolve) => {
    stdout.once('close', resolve).on('error', () => resolve());
  });
  const read = async () => {
    try {
      for await (const line of linesOf(stdin)) bridge.take(line);
      const patienceMs = bridge.hasAnswered() ? answersMs : firstAnswersMs;
      await Promise.race([bridge.answered(), clock.sleep(patienceMs)]);
    } catch (error) {
      if (error instanceof LineTooLong) throw lineTooLong();
      // The system's own errors mean that the host has closed its end; anything else is a fault of ours.
      if (!isSystemError(error)) throw error;
    }
  };
  try {
    await Promise.race([read(), left, interrupted]);
    return 0;
  } finally {
    await bridge.end(AbortSignal.timeout(endingMs));
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function lineTooLong(): AccessError {
  return new AccessError(
    'invalid_input',
    'The host has sent a line of more than 64 MB, which is no message that an MCP server takes.',
    [{ do: 'restart_server' }],
  );
}
