/**
 * A program of its own, started by browser.ts with an environment that holds no secrets, because the
 * `open` package passes on the environment of its own process. Exits with the opener's code, or with 0
 * when the opener is still running after a while, which means that it is the browser itself.
 */
import open from 'open';

const patienceMs = 2_000;

// Set when this Node is Electron's; with it, a browser built on Electron would start as plain Node.
delete process.env.ELECTRON_RUN_AS_NODE;

open(process.argv[2] ?? '').then((opener) => {
  if (opener.exitCode !== null) process.exit(opener.exitCode);
  opener.once('exit', (code) => process.exit(code ?? 1));
  setTimeout(() => process.exit(0), patienceMs);
});
