/** Paths that only Windows understands: refused by their words, before anything is asked of the disk. */
import { expect, test } from 'vitest';
import { absolutePath } from '../../src/files/roots.ts';

const places = { roots: ['C:\\work\\project', '\\\\files\\team\\docs'], offLimits: [] };
const judge = (input: string) => absolutePath(input, places, 'win32');

test.each([
  ['a share of a stranger', '\\\\evil.example\\share\\x'],
  ['the same with slashes', '//evil.example/share/x'],
  ['both slashes', '\\/evil.example\\share\\x'],
  ['a share beside the root’s', '\\\\files\\team\\other\\x'],
  ['a device', '\\\\.\\pipe\\x'],
  ['a long path', '\\\\?\\UNC\\evil.example\\share\\x'],
])('%s is outside: the person is not introduced to it', (_, input) => {
  expect(judge(input)).toEqual({
    problem: 'it is outside the working directory and the host’s roots',
  });
});

test.each([
  ['a stream of another file', 'notes.txt:hidden'],
  ['its main stream', 'session.json::$DATA'],
  ['one with a drive', 'C:\\work\\project\\notes.txt:hidden'],
  ['the folder that a drive was left in', 'C:notes.txt'],
])('%s is no name of a file', (_, input) => {
  expect(judge(input)).toEqual({ problem: 'it holds a colon, which no name of a file does' });
});

test.each([
  'notes.txt',
  'docs\\notes.txt',
  'C:\\work\\project\\notes.txt',
  'c:/work/project/notes.txt',
  '\\\\files\\team\\docs\\notes.txt',
])('%s is a path', (input) => {
  expect(judge(input)).toBeTypeOf('string');
});

test('elsewhere a colon is a character like any other', () => {
  expect(absolutePath('12:30.txt', { roots: ['/work'], offLimits: [] }, 'linux')).toBe(
    '/work/12:30.txt',
  );
});
