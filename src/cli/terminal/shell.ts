/**
 * Where a command prints: results on stdout, everything else on stderr, colours and progress only on a
 * terminal (https://no-color.org; FORCE_COLOR forces them). A reader that has left is not a failure.
 */
import { styleText } from 'node:util';
import type { Environment } from '../../config/config.ts';

export interface Shell {
  readonly environment: Environment;
  readonly version: string;
  readonly out: Pen;
  readonly err: Pen;
}

export type Style = Parameters<typeof styleText>[0];

export interface Pen {
  readonly isTerminal: boolean;
  /** Columns; 80 if unknown. */
  readonly width: number;
  write(text: string): void;
  line(text?: string): void;
  /** The system's error code when something could not be written, unless the reader has left. */
  trouble(): string | undefined;
  paint(style: Style, text: string): string;
}

export function openShell(environment: Environment, version: string): Shell {
  return {
    environment,
    version,
    out: createPen(process.stdout, environment),
    err: createPen(process.stderr, environment),
  };
}

function createPen(stream: NodeJS.WriteStream, environment: Environment): Pen {
  const colours = wantsColours(stream, environment);
  let gone = false;
  let trouble: string | undefined;
  stream.on('error', ({ code = 'unknown failure' }: NodeJS.ErrnoException) => {
    // Windows reports EOF for a pipe that nobody reads.
    if (!gone && code !== 'EPIPE' && code !== 'EOF') trouble = code;
    gone = true;
  });
  const write = (text: string): void => {
    if (!gone) stream.write(text);
  };
  return {
    isTerminal: stream.isTTY === true,
    width: (stream.isTTY === true && stream.columns) || 80,
    write,
    line: (text = '') => write(`${text}\n`),
    trouble: () => trouble,
    paint: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
  };
}

function wantsColours(stream: NodeJS.WriteStream, environment: Environment): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}
