/**
 * Stands between the host and the SDK's server: answers the handshake, and hands everything over, the
 * handshake included, as soon as a message comes that needs more.
 */
import { PassThrough, type Readable, Writable } from 'node:stream';
import { answerEarly, type EarlyAnswer, type Handshake } from './handshake.ts';

/** Connects the SDK's server to these streams. */
export type ConnectServer = (input: Readable, output: Writable) => Promise<void>;

const newline = 0x0a;
const longestHandshake = 1024 * 1024;

/** Without a `handshake` the SDK answers from the beginning. */
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
    const toServer = new PassThrough();
    for (const line of heard) toServer.write(`${line}\n`);
    toServer.write(unread);
    connect(toServer, answered === undefined ? output : without(answered, output)).then(
      () => input.pipe(toServer),
      (error) => output.destroy(error),
    );
  };

  const read = (chunk: Buffer): void => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    for (;;) {
      const end = unread.indexOf(newline);
      // The SDK has a bound for what is no message yet; here nothing that long belongs.
      if (end === -1 && unread.length > longestHandshake) handOver();
      if (end === -1) return;
      const line = unread.toString('utf8', 0, end);
      const answer = handshake && answerEarly(line, handshake);
      const isHandshake = answer !== undefined && answer !== 'later' && isInitialized(answer);
      // A second handshake is the SDK's to refuse.
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

/** `output` without the SDK's answer to the request `id`, which the host has already. */
function without(id: string | number, output: Writable): Writable {
  let dropped = false;
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      if (!dropped && JSON.parse(chunk.toString()).id === id) {
        dropped = true;
        done();
      } else if (writeTogether(output, chunk)) done();
      else output.once('drain', done);
    },
  });
}

/** What is written in one turn of the event loop leaves in one system call: at fifty calls at once, a third of the time. */
function writeTogether(output: Writable, chunk: string | Buffer): boolean {
  if (output.writableCorked === 0) {
    output.cork();
    setImmediate(() => output.uncork());
  }
  return output.write(chunk);
}
