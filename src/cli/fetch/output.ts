/**
 * Where the answer goes: stdout, or a file that is opened when there is something for it. Constant
 * memory: what is slow to be written is slowly read.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Concealed } from '../../secrets/concealer.ts';
import { CurlFailure } from './exit-code.ts';

export interface Output {
  /** Bytes of the body so far. */
  readonly size: () => number;
  text(text: Concealed<string>): Promise<void>;
  /** To stdout, wherever the body went. */
  afterwards(text: Concealed<string>): void;
  /** Throws CurlFailure 23 when it cannot be written, and what reading throws. */
  body(body: Concealed<Readable>): Promise<void>;
  /** Can be called again. Throws CurlFailure 23 when something could not be written. */
  close(): Promise<void>;
}

/** `file`: `-` is stdout even for what a terminal should not be sent. */
export function openOutput(
  file: string | undefined,
  onProgress: (bytes: number) => void = () => {},
): Output {
  let opened: WriteStream | undefined;
  let failure: Error | undefined;
  let size = 0;
  const target = (): Writable => {
    if (file === undefined || file === '-') return process.stdout;
    opened ??= createWriteStream(file).on('error', (error) => {
      failure ??= error;
    });
    return opened;
  };
  process.stdout.on('error', (error) => {
    if (file === undefined || file === '-') failure ??= error;
  });
  const wrap = (error: unknown): unknown => {
    if (!failure) return error;
    const code = 'code' in failure ? ` (${failure.code})` : '';
    const where = file === undefined || file === '-' ? 'The output' : JSON.stringify(file);
    return new CurlFailure(23, `${where} cannot be written${code}.`, { cause: failure });
  };
  const write = (text: Concealed<string>) =>
    new Promise<void>((resolve, reject) => {
      target().write(text, (error) => (error ? reject(wrap(error)) : resolve()));
    });

  return {
    size: () => size,
    text: write,
    afterwards: (text) => void process.stdout.write(text),
    async body(body) {
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          if (size === 0 && file === undefined && process.stdout.isTTY && chunk.includes(0)) {
            callback(binary());
            return;
          }
          size += chunk.length;
          onProgress(size);
          callback(null, chunk);
        },
      });
      try {
        await pipeline([body, counter, target()], { end: false });
      } catch (error) {
        throw wrap(error);
      }
    },
    async close() {
      if (!opened) return;
      const file = opened;
      await new Promise<void>((resolve) => file.end(() => resolve()).once('close', resolve));
      if (failure) throw wrap(failure);
    },
  };
}

function binary(): CurlFailure {
  return new CurlFailure(
    23,
    'The body is binary and would mess up the terminal: use --output <file>, or --output - to have it all the same.',
  );
}
