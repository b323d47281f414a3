import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createBrowser } from '../../../src/host/browser/browser.ts';
import type { Environment } from '../../../src/host/browser/display.ts';
import { createOneShotAddresses } from '../../../src/host/loopback/one-shot-address.ts';
import { recordingLog } from '../log.ts';

const root = mkdtempSync(join(tmpdir(), 'browser-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const noPlaces = { runtimeDir: join(root, 'none'), x11Dir: join(root, 'none') };
let folder: string;
let counter = 0;
beforeEach(() => {
  counter += 1;
  folder = join(root, String(counter));
  mkdirSync(folder);
});

const record = (): string => join(folder, 'record');

/** A program that writes its arguments and environment to the record, and then does `then`. */
function program(name: string, then = 'exit 0'): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh\n{ echo "$0"; for a in "$@"; do echo "arg $a"; done; env; } > '${record()}.part'\nmv '${record()}.part' '${record()}'\n${then}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

interface Started {
  readonly args: string[];
  readonly environment: string[];
}

function started(): Started | undefined {
  if (!existsSync(record())) return undefined;
  const lines = readFileSync(record(), 'utf8').trimEnd().split('\n');
  return {
    args: lines.filter((line) => line.startsWith('arg ')).map((line) => line.slice(4)),
    environment: lines.slice(1).filter((line) => !line.startsWith('arg ')),
  };
}

async function open(
  environment: Environment,
  url = 'https://app.example.com/authorize?a=b&c=d',
  display = noPlaces,
  platform: NodeJS.Platform = 'linux',
): Promise<boolean> {
  const { log } = recordingLog();
  const browser = createBrowser({
    environment: { PATH: '/usr/bin:/bin', ...environment },
    addresses: createOneShotAddresses({ callbackServer: () => undefined, log }),
    platform,
    display,
    log,
  });
  return await browser.open(new URL(url));
}

const oneShot = /^http:\/\/127\.0\.0\.1:\d+\/open\/[\w-]{43}$/;

/** Where the address leads that the browser was started with. */
async function ledTo(): Promise<string | null> {
  const address = started()?.args.at(-1)?.replace('--url=', '') ?? '';
  expect(address).toMatch(oneShot);
  return new Promise((resolve, reject) => {
    get(address, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.headers.location ?? null);
    }).on('error', reject);
  });
}

describe('BROWSER names the browser', () => {
  test('which gets the address as its one argument', async () => {
    expect(await open({ BROWSER: program('browser') })).toBe(true);
    expect(started()?.args).toEqual([expect.stringMatching(oneShot)]);
    expect(await ledTo()).toBe('https://app.example.com/authorize?a=b&c=d');
  });

  test('and may have arguments, and a place for the address', async () => {
    expect(await open({ BROWSER: `${program('browser')} --new-tab --url=%s` })).toBe(true);
    expect(started()?.args).toEqual(['--new-tab', expect.stringMatching(/^--url=http:/)]);
    expect(await ledTo()).toBe('https://app.example.com/authorize?a=b&c=d');
  });

  test('one that fails opened nothing, and no other is tried', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    copyFileSync(program('other'), join(bin, 'xdg-open'));
    const failing = join(folder, 'failing');
    writeFileSync(failing, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    expect(await open({ BROWSER: failing, PATH: `${bin}:/usr/bin:/bin`, DISPLAY: ':9' })).toBe(
      false,
    );
    expect(started()).toBeUndefined();
  });

  test('the next after a colon is tried', async () => {
    expect(await open({ BROWSER: `${join(folder, 'absent')}:false:${program('browser')}` })).toBe(
      true,
    );
    expect(started()?.args).toHaveLength(1);
  });

  test('one that is not there opened nothing', async () => {
    expect(await open({ BROWSER: join(folder, 'absent') })).toBe(false);
    expect(await open({ BROWSER: 'none' })).toBe(false);
  });

  test('one that cannot even be tried opened nothing, and the next one is', async () => {
    // Too long for any program; on Windows a batch file is refused in the same way.
    const tooLong = { LONG: 'x'.repeat(200_000), PATH: '/usr/bin:/bin' };
    expect(await open({ ...tooLong, BROWSER: program('browser') })).toBe(false);
    expect(started()).toBeUndefined();
  });

  test('one that goes on running was opened', async () => {
    const from = performance.now();
    expect(await open({ BROWSER: program('browser', 'exec sleep 4') })).toBe(true);
    expect(performance.now() - from).toBeLessThan(3_500);
  });
});

test.each([
  'https://app.example.com/$(touch x)`touch y`;touch z&touch w|touch v',
  'https://app.example.com/\'"?q=\'$(touch x)\'&r="`touch y`"%s%n%%#;touch z',
  'https://app.example.com/?a=%0Atouch%20x&b=*&c=~&d=--flag',
])('no shell ever reads %s (contract §4.7)', async (url) => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(await open({ BROWSER: program('browser') }, url)).toBe(true);
    expect(await open({ BROWSER: `${program('browser')} %s` }, url)).toBe(true);
  } finally {
    process.chdir(before);
  }
  expect(await ledTo()).toBe(new URL(url).href);
  for (const name of ['x', 'y', 'z', 'w', 'v']) expect(existsSync(join(folder, name))).toBe(false);
});

test('our variables are not in its environment; others are (contract §4.9)', async () => {
  await open({
    BROWSER: program('browser'),
    CF_ACCESS_CLIENT_SECRET: 'secret',
    CF_ACCESS_CLIENT_ID: 'secret',
    cf_access_oauth_client_secret: 'secret',
    CLOUDFLARE_ACCESS_CLIENT_SECRET: 'secret',
    NODE_OPTIONS: '--require secret',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    LANG: 'de_DE.UTF-8',
    DISPLAY: ':7',
  });
  const text = started()?.environment.join('\n') ?? '';
  expect(text).not.toMatch(/secret|NODE_OPTIONS|NODE_TLS|CF_ACCESS|CLOUDFLARE/i);
  expect(text).toMatch(/^LANG=de_DE.UTF-8$/m);
  expect(text).toMatch(/^DISPLAY=:7$/m);
  // Nothing comes from the test's own process either.
  expect(text).not.toMatch(/VITEST/);
});

test('a proxy’s password is not in its environment, however the variable is spelled (contract §4.9)', async () => {
  const proxy = 'http://person:pass%40word/1@proxy.example.com:3128';
  await open({
    BROWSER: program('browser'),
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    All_Proxy: 'socks5h://person:password1@proxy.example.com:1080/',
    http_proxy: ' person:password1@proxy.example.com:3128',
    npm_config_https_proxy: proxy,
    HOMEBREW_MIRROR: 'https://person:password1@mirror.example.com/brew@2',
    NO_PROXY: 'localhost,.example.com',
    SESSION_MANAGER: 'local/host:@/tmp/.ICE-unix/1,unix/host:/tmp/.ICE-unix/1',
  });
  const lines = started()?.environment ?? [];
  expect(lines.join('\n')).not.toMatch(/person|pass/);
  expect(lines).toEqual(
    expect.arrayContaining([
      'HTTPS_PROXY=http://proxy.example.com:3128',
      'https_proxy=http://proxy.example.com:3128',
      'All_Proxy=socks5h://proxy.example.com:1080/',
      'http_proxy=proxy.example.com:3128',
      'npm_config_https_proxy=http://proxy.example.com:3128',
      'HOMEBREW_MIRROR=https://mirror.example.com/brew@2',
      'NO_PROXY=localhost,.example.com',
      'SESSION_MANAGER=local/host:@/tmp/.ICE-unix/1,unix/host:/tmp/.ICE-unix/1',
    ]),
  );
});

test.each([
  'http://app.example.com/',
  'http://localhost.example.com/',
  'http://127.0.0.1.example.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'ms-settings:',
  'data:text/html,x',
  'https://user:password@app.example.com/',
])('%s is not opened (contract §4.7)', async (url) => {
  await expect(open({ BROWSER: program('browser') }, url)).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.not.stringContaining('password@'),
  });
  expect(started()).toBeUndefined();
});

test.each(['http://localhost:8400/x', 'http://127.0.0.1:1/x', 'http://[::1]:1/x'])(
  '%s is opened',
  async (url) => {
    expect(await open({ BROWSER: program('browser') }, url)).toBe(true);
  },
);

describe('the system’s browser, through open and its xdg-open', () => {
  /** A PATH with the few programs that xdg-open needs, and no browser but those put there. */
  function bareMachine(): string {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const tool of ['sh', 'sed', 'grep', 'uname', 'cut', 'head', 'tail', 'awk', 'env', 'mv']) {
      const place = ['/usr/bin', '/bin'].find((each) => existsSync(join(each, tool)));
      if (place === undefined) continue;
      writeFileSync(join(bin, tool), `#!/bin/sh\nexec ${join(place, tool)} "$@"\n`, {
        mode: 0o755,
      });
    }
    return bin;
  }

  test('gets the address, no shell reads it, and our variables are not in its environment', async () => {
    const bin = bareMachine();
    copyFileSync(program('fake'), join(bin, 'x-www-browser'));
    const url = 'https://app.example.com/?q=$(touch%20x)`touch`;touch&r=1';
    expect(await open({ PATH: bin, DISPLAY: ':77', CF_ACCESS_CLIENT_SECRET: 'secret' }, url)).toBe(
      true,
    );
    expect(await ledTo()).toBe(new URL(url).href);
    expect(started()?.environment.join('\n')).not.toMatch(/secret|CF_ACCESS|VITEST/);
    expect(existsSync('x')).toBe(false);
  });

  test('that is not there (xdg-open exits with 3) was not opened', async () => {
    const from = performance.now();
    expect(await open({ PATH: bareMachine(), DISPLAY: ':77' })).toBe(false);
    expect(performance.now() - from).toBeLessThan(2_400);
  });

  test('is not even looked for where there is no screen: a text browser is of no use', async () => {
    const bin = bareMachine();
    for (const name of ['x-www-browser', 'lynx', 'w3m'])
      copyFileSync(program('text'), join(bin, name));
    expect(await open({ PATH: bin })).toBe(false);
    expect(started()).toBeUndefined();
  });

  test('is given the screen that a host has kept from us', async () => {
    const bin = bareMachine();
    const places = { runtimeDir: join(folder, 'run'), x11Dir: join(folder, 'x') };
    for (const made of [places.runtimeDir, places.x11Dir]) mkdirSync(made);
    copyFileSync(program('fake'), join(bin, 'x-www-browser'));
    for (const name of ['wayland-0', 'bus', 'xauth_abc', 'wayland-0.lock']) {
      writeFileSync(join(places.runtimeDir, name), '');
    }
    const before = process.cwd();
    process.chdir(places.x11Dir);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen('X3', resolve));
    process.chdir(before);
    try {
      const environment = { PATH: bin };
      expect(await open(environment, undefined, places)).toBe(true);
      expect(started()?.environment).toEqual(
        expect.arrayContaining([
          `XDG_RUNTIME_DIR=${places.runtimeDir}`,
          'WAYLAND_DISPLAY=wayland-0',
          'DISPLAY=:3',
          `XAUTHORITY=${join(places.runtimeDir, 'xauth_abc')}`,
          `DBUS_SESSION_BUS_ADDRESS=unix:path=${join(places.runtimeDir, 'bus')}`,
        ]),
      );
      // Over SSH it is another machine's screen that the person sees.
      const overSsh = { ...environment, SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' };
      expect(await open(overSsh, undefined, places)).toBe(false);
    } finally {
      server.close();
    }
  });
});

test.each(['darwin', 'win32'] as const)(
  'over SSH nobody sits at the screen of %s',
  async (platform) => {
    const url = 'https://app.example.com/';
    const remote = { SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    expect(await open(remote, url, noPlaces, platform)).toBe(false);
    expect(started()).toBeUndefined();
    // Whoever names a browser has one that comes to them.
    expect(await open({ ...remote, BROWSER: program('browser') }, url, noPlaces, platform)).toBe(
      true,
    );
    expect(started()?.args).toEqual([expect.stringMatching(oneShot)]);
  },
);
