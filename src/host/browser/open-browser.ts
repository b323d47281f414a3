/**
 * A program of its own, started by browser.ts with an environment that holds no secrets, because the
 * `open` package hands its own process's environment on. Exits with the opener's code, or with 0
 * when the opener still runs after a while, which means that it is the browser.
 */
import open from 'open';

const patienceMs = 2_000;

// Set for us where this Node is an Electron's; a browser of that kind would be no browser then.
delete process.env.ELECTRON_RUN_AS_NODE;

open(process.argv[2] ?? '').then((opener) => {
  if (opener.exitCode !== null) process.exit(opener.exitCode);
  opener.once('exit', (code) => process.exit(code ?? 1));
  setTimeout(() => process.exit(0), patienceMs);
});
