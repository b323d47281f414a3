/** `sandbox --replay <file>`: serves a recording of `doctor --record` until it is interrupted. */
import { readFile } from 'node:fs/promises';
import { AccessError } from '../../errors.ts';
import { NoRecording, type Recording, readRecording } from '../../sandbox/replay/recording-file.ts';
import { startReplay } from '../../sandbox/replay/replay.ts';
import { cancellable } from '../terminal/cancellation.ts';
import { shellWord } from '../terminal/command-lines.ts';
import type { Shell } from '../terminal/shell.ts';

/** Throws `invalid_input` if the file is not a recording. */
export async function replayFile(
  shell: Shell,
  path: string,
  { port, json }: { readonly port: number; readonly json?: true },
): Promise<number> {
  const recording = await read(path);
  const { out, err } = shell;
  return cancellable(async ({ interrupted }) => {
    try {
      const replay = await startReplay(recording, { port });
      try {
        const hosts = Object.fromEntries(
          [...replay.hosts].map(([name, { origin }]) => [name, origin]),
        );
        if (json) out.line(JSON.stringify({ url: replay.url.href, hosts }));
        else {
          out.line(out.paint('bold', 'The recording is being served'));
          for (const [name, origin] of Object.entries(hosts))
            out.line(`  ${name.padEnd(9)} ${origin}`);
          out.line();
          out.line(`  cloudflare-access-mcp doctor ${shellWord(replay.url.href)}`);
          out.line();
          out.line(out.paint('dim', 'Ctrl-C ends it.'));
        }
        await interrupted;
        return 0;
      } finally {
        await replay.close();
      }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
      err.line(`The port ${port} cannot be used (${code}); choose another one.`);
      return 1;
    }
  });
}

async function read(path: string): Promise<Recording> {
  try {
    return readRecording(await readFile(path, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (!(error instanceof NoRecording) && code === undefined) throw error;
    throw new AccessError(
      'invalid_input',
      error instanceof NoRecording
        ? `${path} is not a recording of this program. ${error.message}`
        : `${path} cannot be read (${code}).`,
      [{ do: 'correct_input', with: 'a file that doctor --record has written' }],
    );
  }
}
