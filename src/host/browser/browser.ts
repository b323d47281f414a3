/**
 * Starts the person's browser without a shell, and without our secrets in its environment or on its
 * command line (contract §4.7, §4.9): the one that `BROWSER` names, else the system's through the `open`
 * package.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { release } from 'node:os';
import { builtProgram } from '../../built-program.ts';
import { AccessError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { isSecure } from '../../secure-url.ts';
import type { Browser } from '../../session/ports.ts';
import type { OneShotAddress, OneShotAddresses } from '../loopback/one-shot-address.ts';
import {
  type DisplayPlaces,
  displayPlaces,
  type Environment,
  findDisplay,
  isElsewhere,
} from './display.ts';
import { browserEnvironment } from './environment.ts';
import { namedBrowsers, type Opener } from './named-browsers.ts';

/** An opener that is still running after this time is itself the browser. */
const patienceMs = 2_500;

export interface BrowserOptions {
  /** The environment of this process; the browser inherits it without its secrets. */
  readonly environment: Environment;
  /** Values that must not reach the browser under any variable's name. */
  readonly secrets?: readonly string[];
  readonly addresses: Pick<OneShotAddresses, 'leadTo'>;
  readonly log: Log;
  /** Default: `process.platform`. */
  readonly platform?: NodeJS.Platform;
  readonly display?: DisplayPlaces;
}

/** The variables that a browser needs to be seen by the person; undefined where they do not sit here. */
async function screen(
  platform: NodeJS.Platform,
  environment: Environment,
  places: DisplayPlaces,
): Promise<Environment | undefined> {
  if (isWsl(platform)) return {};
  if (platform !== 'darwin' && platform !== 'win32') return findDisplay(environment, places);
  return isElsewhere(environment) ? undefined : {};
}

/** In WSL the browser is the one of Windows, which needs no display on the Linux side. */
function isWsl(platform: NodeJS.Platform): boolean {
  return platform === 'linux' && /microsoft/i.test(release());
}

export function createBrowser(options: BrowserOptions): Browser {
  const { environment, addresses, log, platform = process.platform } = options;
  const places = options.display ?? displayPlaces(environment);
  const inherited = browserEnvironment(environment, options.secrets ?? []);
  return {
    async open(url) {
      const target = openable(url);
      const display = await screen(platform, environment, places);
      const named = environment.BROWSER;
      // Somebody who names a browser wants that one only, or none at all: `BROWSER=false`, `BROWSER=none`.
      const openers = named ? namedBrowsers(named, platform) : [await systemBrowser(platform)];
      let address: OneShotAddress | undefined;
      for (const opener of openers) {
        if (opener.needsDisplay && display === undefined) {
          log('info', 'no browser is opened: there is no screen here');
          continue;
        }
        address ??= await addresses.leadTo(target);
        if (address === undefined) {
          log('warn', 'no browser is opened: no port can be had on 127.0.0.1');
          return false;
        }
        const outcome = await run(opener, address, { ...inherited, ...display });
        if (outcome === 'opened') return true;
        log('info', 'a browser could not be opened', { with: opener.command, outcome });
      }
      address?.close();
      return false;
    },
  };
}

/** Throws `invalid_input`. */
function openable(url: URL): URL {
  if (isSecure(url) && url.username === '' && url.password === '') return url;
  throw new AccessError(
    'invalid_input',
    `The browser is not opened for ${url.protocol}//${url.host}, only for https addresses without a user name, and for http on this machine.`,
    [{ do: 'correct_input', with: 'an address that begins with https' }],
  );
}

/** Resolves with `opened`, or with the reason why not. */
function run(
  opener: Opener,
  { url, used }: OneShotAddress,
  environment: Environment,
): Promise<string> {
  return new Promise((resolve) => {
    const child = start(opener, url, environment);
    // Node throws what it cannot even try, such as a batch file on Windows, instead of telling it later.
    if (typeof child === 'string') return resolve(child);
    const settle = (outcome: string): void => {
      clearTimeout(timer);
      child.unref();
      resolve(outcome);
    };
    const timer = setTimeout(() => settle('opened'), patienceMs);
    void used.then(() => settle('opened'));
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => {
      settle(code === 0 ? 'opened' : `it ended with ${code ?? signal}`);
    });
  });
}

/** The process, or why there is none. */
function start(opener: Opener, url: URL, environment: Environment): ChildProcess | string {
  try {
    return spawn(opener.command, opener.args(url.href), {
      env: { ...environment },
      stdio: 'ignore',
      // A process group of its own, so that a signal to ours does not end the person's browser. On Windows
      // a detached process would get a console window.
      detached: opener.detached,
      windowsHide: true,
      shell: false,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Our own program around the `open` package. */
async function systemBrowser(platform: NodeJS.Platform): Promise<Opener> {
  const program = await builtProgram('open-browser.js');
  return {
    command: process.execPath,
    args: (url) => [program, url],
    needsDisplay: true,
    detached: platform !== 'win32',
  };
}
