/**
 * Where the answer is written: stdout, or a file that is opened once there is something to write. Uses
 * constant memory, because reading waits for writing.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Concealed } from '../../secrets/concealer.ts';
import { CurlFailure } from './exit-code.ts';

export interface Output {
  /** The number of bytes of the body written so far. */
  readonly size: () => number;
  /** The file, where it is one. */
  readonly file: () => string | undefined;
  /** Whether the next output to the same place replaces this one. */
  readonly isRewritten: () => boolean;
  /** Before anything is written: another file than was said, which must not be there yet. */
  rename(newFile: string): void;
  text(text: Concealed<string>): Promise<void>;
  /** Throws CurlFailure 23 when it cannot be written, and what reading throws. */
  body(body: Concealed<Readable>): Promise<void>;
  /**
   * `--remove-on-error`: the file that it has opened; no other of that name, no pipe, device or link. Not
   * before it is closed.
   */
  remove(): Promise<void>;
  /** Can be called again. Throws CurlFailure 23 when something could not be written. */
  close(): Promise<void>;
}

export interface Destination {
  readonly stdout: () => NodeJS.WriteStream;
  /** Absent: stdout, and nothing binary to a terminal. `-`: stdout all the same. */
  readonly file?: string | undefined;
  /** Behind what is in the file already. */
  readonly append?: boolean;
  /** Bytes of the body; 0: any number. */
  readonly most?: number | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export function openOutput({
  stdout,
  file,
  append = false,
  most = 0,
  onProgress,
}: Destination): Output {
  let name = file === '-' ? undefined : file;
  let flags = append ? 'a' : 'w';
  let opened: WriteStream | undefined;
  let isOwn = false;
  let failure: Error | undefined;
  let size = 0;
  const target = (): Writable => {
    if (name === undefined) return stdout();
    opened ??= createWriteStream(name, { flags })
      .on('open', () => {
        isOwn = true;
      })
      .on('error', (error) => {
        failure ??= error;
      });
    return opened;
  };
  const onStdoutError = (error: Error) => {
    if (name === undefined) failure ??= error;
  };
  stdout().on('error', onStdoutError);
  const wrap = (error: unknown): unknown => {
    if (!failure) return error;
    const code = 'code' in failure ? failure.code : undefined;
    if (code === 'EEXIST') {
      const taken = `The answer names its file ${JSON.stringify(name)}, and there is one of that name already. It is not replaced: name the file with --output.`;
      return new CurlFailure(23, taken, { cause: failure });
    }
    const where = name === undefined ? 'The output' : JSON.stringify(name);
    const why = code === undefined ? '' : ` (${code})`;
    return new CurlFailure(23, `${where} cannot be written${why}.`, { cause: failure });
  };
  const write = (text: Concealed<string>) =>
    new Promise<void>((resolve, reject) => {
      target().write(text, (error) => {
        if (!error) return resolve();
        // The stream's own event comes after this.
        failure ??= error;
        reject(wrap(error));
      });
    });

  return {
    size: () => size,
    file: () => name,
    isRewritten: () => name !== undefined && flags === 'w',
    rename(newFile) {
      name = newFile;
      // Fails where anything has that name, a link to nowhere included.
      flags = 'wx';
    },
    text: write,
    async body(body) {
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          if (size === 0 && file === undefined && stdout().isTTY && chunk.includes(0)) {
            callback(binary());
            return;
          }
          if (most > 0 && size + chunk.length > most) {
            callback(tooLarge(most));
            return;
          }
          size += chunk.length;
          onProgress?.(size);
          callback(null, chunk);
        },
      });
      try {
        await pipeline([body, counter, target()], { end: false });
      } catch (error) {
        throw wrap(error);
      }
    },
    async remove() {
      if (name === undefined || !isOwn) return;
      const found = await lstat(name).catch(() => undefined);
      if (found?.isFile()) await rm(name, { force: true }).catch(() => {});
    },
    async close() {
      stdout().off('error', onStdoutError);
      if (!opened) return;
      const stream = opened;
      // What `end` calls back comes before the error of a write that it waited for.
      if (!stream.closed) {
        await new Promise<void>((resolve) => stream.once('close', resolve).end());
      }
      if (failure) throw wrap(failure);
    },
  };
}

function binary(): CurlFailure {
  return new CurlFailure(
    23,
    'The body is binary and would mess up the terminal: use --output <file>, or --output - to print it anyway.',
  );
}

/** `--max-filesize`. */
export function tooLarge(most: number): CurlFailure {
  return new CurlFailure(63, `The body is larger than --max-filesize allows, ${most} bytes.`);
}
