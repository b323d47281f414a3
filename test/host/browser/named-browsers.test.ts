/** How `BROWSER` is read: which commands it names, and where the URL goes. */
import { expect, it } from 'vitest';
import { namedBrowsers } from '../../../src/host/browser/named-browsers.ts';

const url = 'https://app.example.com/?a=%s&b=$&';
const commands = (value: string, platform: NodeJS.Platform = 'linux') =>
  namedBrowsers(value, platform).map(({ command, args }) => [command, ...args(url)]);

it.each([
  ['one command', 'firefox', [['firefox', url]]],
  ['one with arguments', 'firefox --new-tab', [['firefox', '--new-tab', url]]],
  ['a place for the URL', 'firefox %s --new-tab', [['firefox', url, '--new-tab']]],
  ['a place within an argument', 'firefox --url=%s', [['firefox', `--url=${url}`]]],
  ['every place', 'firefox --both=%s,%s %s', [['firefox', `--both=${url},${url}`, url]]],
  [
    'several commands, in order',
    'a:b -x:c %s',
    [
      ['a', url],
      ['b', '-x', url],
      ['c', url],
    ],
  ],
  [
    'spaces and empty parts',
    ' : a  -x ::b: ',
    [
      ['a', '-x', url],
      ['b', url],
    ],
  ],
  ['nothing but separators', ' : :', []],
])('%s', (_, value, expected) => {
  expect(commands(value)).toEqual(expected);
});

it('is one command on Windows, where paths contain colons and spaces', () => {
  const path = 'C:\\Program Files\\Mozilla Firefox\\firefox.exe';
  expect(commands(path, 'win32')).toEqual([[path, url]]);
});
