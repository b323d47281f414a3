/** What every host is shown before any call: small, true, and in the README as it is in the code. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/errors.ts';
import { instructions, tools } from '../../src/tools/catalogue.ts';
import { builtServer, startServer } from '../support/mcp-server.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
/** The first cells of the tables in a part of a document. */
function firstCells(section: string): string[] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] ?? '');
}
const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '');

describe('the words that a host keeps in its context', () => {
  it('stay under 2 KB each, and the instructions under 1 KB', () => {
    for (const { name, description } of tools) {
      expect(Buffer.byteLength(description), name).toBeLessThan(2048);
    }
    expect(Buffer.byteLength(instructions)).toBeLessThan(1024);
  });

  it('stay together within what they cost today: every conversation pays for the tools', async () => {
    const server = await startServer();
    const catalogue = await server.client.listTools();
    await server.close();
    expect(Buffer.byteLength(JSON.stringify(catalogue))).toBeLessThanOrEqual(9_500);
  });

  it('are the four tools of the contract, whose inputs are strict', () => {
    expect(tools.map(({ name }) => name)).toEqual([
      'detect_protection',
      'authenticate',
      'access_fetch',
      'get_token',
    ]);
    for (const { input } of tools) {
      expect(input.safeParse({ url: 'https://a.example/', surprise: 1 }).success).toBe(false);
    }
  });

  it('declare an output for the three small tools alone (contract §2)', () => {
    expect(tools.filter(({ output }) => output).map(({ name }) => name)).toEqual([
      'detect_protection',
      'authenticate',
      'get_token',
    ]);
  });
});

describe('the README', () => {
  it('names every tool, and no other', () => {
    const section = read('README.md').split('\n## Tools\n')[1]?.split('\n## ')[0] ?? '';
    expect(firstCells(section).flatMap(quoted)).toEqual(tools.map(({ name }) => name));
  });

  it('and what else users read name no error code that does not exist', () => {
    const texts = ['README.md', 'AGENTS.md', 'docs/troubleshooting.md', 'docs/recipes.md'].map(
      read,
    );
    const named = texts.join('').match(/`(?:sign_in|access|service_token|token)_[a-z_]+`/g);
    const known: string[] = [...errorCodes, ...tools.map(({ name }) => name)];
    for (const name of named ?? []) expect(known).toContain(name.slice(1, -1));
  });
});

it('docs/command-line.md names every command, and no other', () => {
  const { stdout } = spawnSync(process.execPath, [builtServer, '--help'], { encoding: 'utf8' });
  const listed = [...(stdout.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
  const named = firstCells(read('docs/command-line.md')).map((cell) => /`([a-z]+)/.exec(cell)?.[1]);
  expect(named.sort()).toEqual(listed.sort());
});
