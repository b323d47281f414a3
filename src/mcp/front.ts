/**
 * Sits between the host and the SDK's server: answers the handshake itself, and as soon as a message needs
 * more, connects the SDK's server and replays the handshake to it.
 */
import type { Readable, Writable } from 'node:stream';
import { answerEarly, type EarlyAnswer, type Handshake } from './handshake.ts';

/** What the SDK's server asks of its output. Never full: what is written is in memory already. */
export interface Answers {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** Connects the SDK's server to these streams. */
export type ConnectServer = (input: Readable, output: Answers) => Promise<void>;

const newline = 0x0a;
const longestHandshake = 1024 * 1024;

/** Without a `handshake`, the SDK answers everything. */
export function startFront(
  { input, output }: { input: Readable; output: Writable },
  handshake: Handshake | undefined,
  connect: ConnectServer,
): void {
  let unread: Buffer = Buffer.alloc(0);
  const heard: string[] = [];
  let answered: string | number | undefined;

  const handOver = (): void => {
    input.off('data', read);
    input.pause();
    const again = heard.map((line) => Buffer.from(`${line}\n`));
    input.unshift(Buffer.concat([...again, unread]));
    connect(input, answersOn(output, answered)).then(
      () => input.resume(),
      (error) => output.destroy(error),
    );
  };

  const read = (chunk: Buffer): void => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    for (;;) {
      const end = unread.indexOf(newline);
      // No handshake message is that long; the SDK has a limit of its own for an unfinished message.
      if (end === -1 && unread.length > longestHandshake) handOver();
      if (end === -1) return;
      const line = unread.toString('utf8', 0, end);
      const answer = handshake && answerEarly(line, handshake);
      const isHandshake = answer !== undefined && answer !== 'later' && isInitialized(answer);
      // The SDK refuses a second handshake.
      if (answer === undefined || (isHandshake && answered !== undefined)) {
        handOver();
        return;
      }
      unread = unread.subarray(end + 1);
      if (answer === 'later' || isHandshake) heard.push(line);
      if (answer === 'later') continue;
      if (isHandshake) answered = answer.id;
      output.write(`${JSON.stringify(answer)}\n`);
    }
  };

  if (handshake === undefined) handOver();
  else input.on('data', read);
}

function isInitialized({ result }: EarlyAnswer): boolean {
  return 'protocolVersion' in result;
}

/** `unwanted`: the request whose answer the host has already received. */
function answersOn(output: Writable, unwanted: string | number | undefined): Answers {
  let isDropped = unwanted === undefined;
  return {
    write(text) {
      if (isDropped || JSON.parse(text).id !== unwanted) writeTogether(output, text);
      else isDropped = true;
      return true;
    },
    once: (event, listener) => output.once(event, listener),
  };
}

/**
 * Writes everything from one turn of the event loop in one system call, which takes a third of the time at
 * fifty concurrent calls.
 */
function writeTogether(output: Writable, text: string): void {
  if (output.writableCorked === 0) {
    output.cork();
    setImmediate(() => output.uncork());
  }
  output.write(text);
}
