/** The real curl and ours with the same arguments, each in a folder of its own with the same files. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Program, type Run, startProcess } from '../program.ts';

export const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** Names to contents. */
export type Files = Readonly<Record<string, string>>;

export interface InFolder {
  readonly run: Run;
  readonly folder: string;
  readonly files: Files;
}

export interface Options {
  readonly files?: Files;
  readonly input?: string;
  /** For curl alone, such as the header line that lets it through. */
  readonly forCurl?: readonly string[];
}

export async function withCurl(
  program: Program,
  args: readonly string[],
  { files = {}, input, forCurl = [] }: Options = {},
): Promise<InFolder> {
  const folder = await folderWith(program, files);
  const { ended } = startProcess('curl', ['-q', ...forCurl, ...args], {
    environment: { PATH: process.env.PATH ?? '', HOME: program.place },
    cwd: folder,
    ...(input === undefined ? {} : { input }),
  });
  return { run: await ended, folder, files: await filesIn(folder) };
}

export async function withOurs(
  program: Program,
  args: readonly string[],
  { files = {}, input }: Options = {},
): Promise<InFolder> {
  const folder = await folderWith(program, files);
  const run = await program.run(['curl', ...args], {
    cwd: folder,
    ...(input === undefined ? {} : { input }),
  });
  return { run, folder, files: await filesIn(folder) };
}

async function folderWith({ place }: Program, files: Files): Promise<string> {
  const folder = await mkdtemp(join(place, 'folder-'));
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) await mkdir(join(folder, name));
    else await writeFile(join(folder, name), content);
  }
  return folder;
}

async function filesIn(folder: string): Promise<Files> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((each) => each.isFile());
  const read = names.map(async ({ name }) => [name, await readFile(join(folder, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(read));
}
