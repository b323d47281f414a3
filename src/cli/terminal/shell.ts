/**
 * Where a command prints: results on stdout, everything else on stderr, colours and progress only on a
 * terminal (https://no-color.org; FORCE_COLOR forces them). A reader that has left is not a failure.
 */
import { fstatSync, writeSync } from 'node:fs';
import { styleText } from 'node:util';
import type { Environment } from '../../config/config.ts';
import { once } from '../../once.ts';

export interface Shell {
  readonly environment: Environment;
  readonly version: string;
  readonly out: Pen;
  readonly err: Pen;
}

const leavingMs = 300;

export type Style = Parameters<typeof styleText>[0];

export interface Pen {
  readonly isTerminal: boolean;
  /** Columns; 80 if unknown. */
  readonly width: number;
  write(text: string): void;
  line(text?: string): void;
  /** For what waits for it to drain. From then on all goes through it, in order. */
  stream(): NodeJS.WriteStream;
  /** The system's error code when something could not be written, unless the reader has left. */
  trouble(): string | undefined;
  /** From now on, a reader that does not read is not waited for. */
  leave(): void;
  /** Resolves when everything has been written, or has failed to be. */
  flushed(): Promise<void>;
  paint(style: Style, text: string): string;
  /** Whether `paint` paints. */
  wantsColours(): boolean;
}

export function openShell(environment: Environment, version: string): Shell {
  return {
    environment,
    version,
    out: createPen(1, environment),
    err: createPen(2, environment),
  };
}

function createPen(descriptor: 1 | 2, environment: Environment): Pen {
  let gone = false;
  let trouble: string | undefined;
  let isLeaving = false;
  const onError = ({ code = 'unknown failure' }: NodeJS.ErrnoException) => {
    // Windows reports EOF for a pipe that nobody reads.
    if (!gone && code !== 'EPIPE' && code !== 'EOF') trouble = code;
    gone = true;
  };
  const stream = once(() => {
    const opened = descriptor === 1 ? process.stdout : process.stderr;
    return opened.on('error', onError);
  });
  const needsStream = once(() => mayBeTerminal(descriptor));
  const isTerminal = once(() => needsStream() && stream().isTTY === true);
  const colours = once(() => wantsColours(isTerminal(), environment));
  const write = (text: string): void => {
    if (gone) return;
    try {
      // Node's streams take longer to load than most commands' own work.
      const rest = needsStream() || stream.isMade() ? text : writeNow(descriptor, text);
      if (rest.length > 0) stream().write(rest);
    } catch (error) {
      onError(error as NodeJS.ErrnoException);
    }
  };
  return {
    get isTerminal() {
      return isTerminal();
    },
    get width() {
      return (isTerminal() && stream().columns) || 80;
    },
    write,
    line: (text = '') => write(`${text}\n`),
    stream,
    trouble: () => trouble,
    leave() {
      isLeaving = true;
    },
    async flushed() {
      if (!stream.isMade()) return;
      const written = flushed(stream());
      if (!isLeaving) return written;
      const late = new Promise<void>((resolve) => setTimeout(resolve, leavingMs));
      return Promise.race([written, late]);
    },
    wantsColours: colours,
    paint: (style, text) => (colours() ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** Only a character device can be one. Windows has other ways to tell. */
function mayBeTerminal(descriptor: number): boolean {
  return process.platform === 'win32' || fstatSync(descriptor).isCharacterDevice();
}

/** Returns what a full pipe did not take. Throws system errors. */
function writeNow(descriptor: number, text: string): Buffer {
  let bytes = Buffer.from(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(descriptor, bytes));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
  }
  return bytes;
}

/** Resolves when everything has been written, or has failed to be. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    const end = () => setImmediate(resolve);
    // Writes nothing if nothing is buffered, since even an empty write fails on a full device.
    if (stream.destroyed || stream.writableLength === 0) end();
    else stream.write('', end);
  });
}

function wantsColours(isTerminal: boolean, environment: Environment): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTerminal && TERM !== 'dumb';
}
