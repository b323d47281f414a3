/** Builds dist/ once before the tests: the end-to-end tests drive the built server, never the sources. */
import { execFileSync } from 'node:child_process';

export function setup(): void {
  execFileSync(process.execPath, ['esbuild.config.js'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
