import { expect, test } from 'vitest';
import type { Environment } from '../../src/host/display.ts';
import { type Opener, openersFor } from '../../src/host/openers.ts';

async function openers(
  platform: NodeJS.Platform,
  environment: Environment = {},
  kernel = '6.1.0-generic',
): Promise<Opener[]> {
  return await openersFor({
    platform,
    environment,
    kernel,
    findXdgOpen: async () => '/somewhere/xdg-open',
  });
}

test('macOS has open', async () => {
  const [opener, ...others] = await openers('darwin');
  expect(others).toEqual([]);
  expect(opener?.command).toBe('/usr/bin/open');
  expect(opener?.args('https://a.example/')).toEqual(['https://a.example/']);
});

test('Linux has xdg-open, for which there must be a screen', async () => {
  expect(await openers('linux')).toEqual([
    expect.objectContaining({ command: '/somewhere/xdg-open', needsDisplay: true }),
  ]);
});

test('Windows has PowerShell, which gets the address in one literal, past all command lines', async () => {
  const [opener] = await openers('win32', { SystemRoot: 'D:\\Windows' });
  expect(opener?.command).toMatch(
    /^D:\\Windows.System32\\WindowsPowerShell\\v1.0\\powershell.exe$/,
  );
  const args = opener?.args("https://a.example/'; calc #’; calc") ?? [];
  expect(args.slice(0, -1).join(' ')).not.toContain('a.example');
  expect(Buffer.from(args.at(-1) ?? '', 'base64').toString('utf16le')).toBe(
    "$ProgressPreference = 'SilentlyContinue'; Start-Process -FilePath 'https://a.example/''; calc #’’; calc'",
  );
});

test('WSL asks Windows first, and then what Linux has', async () => {
  const commands = (await openers('linux', {}, '5.15.153.1-microsoft-standard-WSL2')).map(
    ({ command }) => command.split('/').at(-1),
  );
  expect(commands).toEqual(['wslview', 'powershell.exe', 'powershell.exe', 'xdg-open']);
});

test('BROWSER goes before all of them, and an empty one says nothing', async () => {
  for (const platform of ['linux', 'darwin'] as const) {
    const named = await openers(platform, { BROWSER: 'firefox: chromium --incognito :' });
    expect(named.map(({ command, args }) => [command, ...args('u')])).toEqual([
      ['firefox', 'u'],
      ['chromium', '--incognito', 'u'],
    ]);
  }
  const [windows] = await openers('win32', { BROWSER: 'C:\\Program Files\\b.exe' });
  expect(windows?.command).toBe('C:\\Program Files\\b.exe');
  expect((await openers('linux', { BROWSER: '' })).map(({ command }) => command)).toEqual([
    '/somewhere/xdg-open',
  ]);
});
