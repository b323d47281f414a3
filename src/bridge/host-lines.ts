/** The host's side: one message per line in each direction (MCP's stdio transport). */
import type { Readable, Writable } from 'node:stream';

/**
 * The maximum length of a line, which has to be buffered completely. No host sends longer ones on purpose.
 */
const mostBytes = 64 * 1024 * 1024;
const newline = 0x0a;

export class LineTooLong extends Error {}

/** Ends with `input`. Throws `LineTooLong`. */
export async function* linesOf(input: Readable): AsyncGenerator<string> {
  let open: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const line = Buffer.concat([...open, chunk.subarray(from, end)]).toString('utf8');
      open = [];
      size = 0;
      from = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (from === chunk.length) continue;
    open.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > mostBytes) throw new LineTooLong();
  }
}

/**
 * Resolves when the host can receive more. Messages to a host that has exited are discarded. Whatever a
 * server has sent is one line: JSON allows line breaks between tokens (RFC 8259 §2) but not within strings,
 * and what stands between two of them must not be a message of its own.
 */
export function createLineWriter(output: Writable): (text: string) => Promise<void> {
  let drained: Promise<void> | undefined;
  return async (text) => {
    if (output.destroyed || output.writableEnded) return;
    const line = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text;
    if (output.write(`${line}\n`)) return;
    drained ??= new Promise<void>((resolve) => {
      const done = () => {
        drained = undefined;
        output.off('drain', done).off('close', done);
        resolve();
      };
      output.once('drain', done).once('close', done);
    });
    await drained;
  };
}
