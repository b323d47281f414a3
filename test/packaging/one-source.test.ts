/** Name, version, description, command and variables are written once; what repeats them is as generated. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { variableNames } from '../../src/config/variables.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFile(join(root, path), 'utf8');

/** Exit code and words of `generate --check` in a tree. */
async function check(folder: string): Promise<{ code: number; said: string }> {
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['packaging/generate.js', '--check'],
      { cwd: folder },
    );
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, said: stdout };
  }
}

describe('npm run generate -- --check', () => {
  let place: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'cloudflare-access-generate-'));
    const kept = ['package.json', 'package-lock.json', 'mcp.json.example', 'README.md', 'docs'];
    for (const name of [...kept, 'packaging', 'src', 'tsconfig.json', '.claude-plugin']) {
      await cp(join(root, name), join(place, name), { recursive: true }).catch(() => {});
    }
    await symlink(join(root, 'node_modules'), join(place, 'node_modules'));
  });
  afterAll(() => rm(place, { recursive: true, force: true }));

  it('has nothing to say of the tree as it is', async () => {
    expect(await check(place)).toEqual({ code: 0, said: '' });
  });

  /** What is changed in which file, and what then has to be named. Those of one test differ in what they name. */
  const changes = [
    {
      what: 'the version',
      edits: [
        ['package.json', /"version": "[^"]+"/, '"version": "9.9.9"', 'packaging/server.json'],
        ['package-lock.json', /"version": "[^"]+"/, '"version": "9.9.8"', 'package-lock.json'],
      ],
    },
    {
      what: 'the description',
      edits: [
        [
          'package.json',
          /"description": "[^"]+"/,
          '"description": "Else."',
          'packaging/server.json',
        ],
      ],
    },
    {
      what: 'a variable’s name',
      edits: [
        [
          'src/config/variables.ts',
          /CF_ACCESS_HEADLESS: /,
          'CF_ACCESS_ALONE: ',
          'packaging/server.json',
        ],
      ],
    },
    {
      what: 'the owner, a default, an option, a button or what people copy',
      edits: [
        [
          'package.json',
          /com\/cloudflare-access-mcp(?=\/\S+\.git")/,
          'com/somebody',
          'package.json',
        ],
        [
          'src/config/variables.ts',
          /otherwise: 'every host'/,
          "otherwise: 'no host'",
          'docs/environment.md',
        ],
        ['src/cli/status.ts', /'--json'/, "'--machine'", 'docs/command-line.md'],
        ['mcp.json.example', /"npx"/, '"bunx"', 'mcp.json.example'],
        ['README.md', /config=eyJ/, 'config=eyK', 'README.md'],
      ],
    },
  ] as const;

  it.each(changes)('fails where $what alone is changed', async ({ edits }) => {
    const before = new Map<string, string>();
    try {
      for (const [file, from, to] of edits) {
        const text = await readFile(join(place, file), 'utf8');
        before.set(file, text);
        expect(text).toMatch(from);
        await writeFile(join(place, file), text.replace(from, to));
      }
      const { code, said } = await check(place);
      expect(code).toBe(1);
      for (const [, , , differs] of edits) expect(said).toContain(differs);
    } finally {
      for (const [file, text] of before) await writeFile(join(place, file), text);
    }
  });
});

describe('the variables', () => {
  it('are each read by the code, not only described', async () => {
    const names = await readdir(join(root, 'src/config'));
    const texts = await Promise.all(
      names.filter((name) => name !== 'variables.ts').map((name) => read(`src/config/${name}`)),
    );
    const code = texts.join('\n');
    for (const name of variableNames) expect(code).toMatch(new RegExp(`'${name}'`));
  });

  it('of the documents and messages all exist', async () => {
    const paths = ['README.md', 'AGENTS.md', 'SECURITY.md', 'CHANGELOG.md'];
    const docs = ['environment', 'hosts', 'recipes', 'troubleshooting', 'contract', 'command-line'];
    for (const path of [...paths, ...docs.map((name) => `docs/${name}.md`)]) {
      const named = (await read(path)).match(/\bCF_ACCESS_[A-Z_]*[A-Z]\b/g) ?? [];
      for (const name of named) expect(variableNames, path).toContain(name);
    }
  });
});

describe('the buttons of the README', () => {
  const link = async (host: string) => {
    const links = [...(await read('README.md')).matchAll(/\]\((https:\/\/[^)]+)\)/g)];
    return links.map(([, url = '']) => new URL(url)).filter((url) => url.hostname === host);
  };
  const server = { command: 'npx', args: ['-y', 'cloudflare-access-mcp'] };

  it('hand Cursor the entry in base64', async () => {
    const [url, ...more] = await link('cursor.com');
    expect(more).toEqual([]);
    expect(url?.pathname).toBe('/install-mcp');
    expect(url?.searchParams.get('name')).toBe('cloudflare-access');
    const config = Buffer.from(url?.searchParams.get('config') ?? '', 'base64').toString('utf8');
    expect(JSON.parse(config)).toEqual(server);
  });

  it('hand both programs of VS Code the entry by its own scheme', async () => {
    const links = (await link('insiders.vscode.dev')).map((url) => url.searchParams.get('url'));
    const handed = links.map((each) => new URL(each ?? ''));
    expect(handed.map(({ protocol }) => protocol)).toEqual(['vscode:', 'vscode-insiders:']);
    for (const url of handed) {
      expect(url.pathname).toBe('mcp/install');
      expect(JSON.parse(decodeURIComponent(url.search.slice(1)))).toEqual({
        name: 'cloudflare-access',
        ...server,
      });
    }
  });
});
