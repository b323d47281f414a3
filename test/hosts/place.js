// A place for a host: its program from npm, a home of its own, and whatever passes between it and the server.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const server = join(here, '..', '..', 'dist', 'main.js');
/** Codex takes no plugins from below the folder for temporary files. */
const homeOfPlaces = process.env.HOME ?? tmpdir();
/** A host that hangs says in its own words where. */
const longestMs = 180_000;

const run = (file, args, options) =>
  new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { timeout: longestMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024, ...options },
      (error, stdout, stderr) =>
        resolve(`${stdout}${stderr}${error ? `\n${error.message.slice(0, 500)}` : ''}`),
    );
    child.stdin?.end();
  });

/** Says `lines` to a program and ends it when its answer has `last` in it. */
const talk = (file, args, lines, last, options) =>
  new Promise((resolve) => {
    let said = '';
    const child = execFile(file, args, { timeout: 60_000, ...options }, () => resolve(said));
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (last.test(said)) child.kill();
    });
    child.stdin.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  });

/** Once for both tries; `folder` keeps it for the next time too. */
export async function install(wanted, folder) {
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'cloudflare-access-host-')));
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), '{"private":true}');
  const options = { cwd: place, env: { ...process.env, CI: 'true' } };
  const said = await run('npm', ['install', '--no-audit', '--no-fund', wanted], options);
  return {
    said,
    bin: join(place, 'node_modules', '.bin'),
    remove: () => (folder ? undefined : rm(place, { recursive: true, force: true })),
  };
}

/**
 * A `node` that has the recorder stand before the program of a plugin, which names no other command.
 *
 * @param {string} folder @param {string} record
 */
async function recordingNode(folder, record) {
  await mkdir(folder);
  const [node, recorder] = [process.execPath, join(here, 'recorder.js')];
  const script = `#!/bin/sh
case "$#:$1" in
  1:*/dist/main.js) exec '${node}' '${recorder}' '${record}' "$1" ;;
  *) exec '${node}' "$@" ;;
esac
`;
  await writeFile(join(folder, 'node'), script, { mode: 0o755 });
  return folder;
}

/**
 * The command as `npm install --global` puts it on the PATH.
 *
 * @param {string} folder
 */
async function installedCommand(folder) {
  await mkdir(folder);
  const script = `#!/bin/sh\nexec '${process.execPath}' '${server}' "$@"\n`;
  await writeFile(join(folder, 'cloudflare-access-mcp'), script, { mode: 0o755 });
  return folder;
}

/**
 * @param {string} program
 * @param {Record<string, string>} environment the server's own
 * @param {{ plugin?: boolean, installed?: boolean }} [options] `plugin`: its server is given no variables
 *   but the host's; `installed`: the command is on the PATH
 */
export async function makePlace(program, environment, { plugin = false, installed = false } = {}) {
  const place = await mkdtemp(join(homeOfPlaces, 'cloudflare-access-home-'));
  const [home, project, record] = ['home', 'project', 'record'].map((name) => join(place, name));
  for (const folder of [home, project]) await mkdir(folder);
  const shim = plugin
    ? `${await recordingNode(join(place, 'node'), record)}:`
    : installed
      ? `${await installedCommand(join(place, 'bin'))}:`
      : '';
  const env = {
    ...(plugin ? environment : {}),
    PATH: `${shim}${process.env.PATH}`,
    HOME: home,
    TERM: 'dumb',
    NO_COLOR: '1',
  };
  return {
    home,
    project,
    place,
    environment,
    command: [process.execPath, join(here, 'recorder.js'), record, server],
    host: (args, more = {}) => run(program, args, { cwd: project, env: { ...env, ...more } }),
    /** The command itself, in the host's home. */
    ours: (args) =>
      run(process.execPath, [server, ...args], { cwd: project, env: { ...env, ...environment } }),
    talk: (args, lines, last) => talk(program, args, lines, last, { cwd: project, env }),
    /** The messages that passed, in order. */
    async passed() {
      const lines = (await readFile(record, 'utf8').catch(() => '')).split('\n');
      return lines
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .map(({ from, line }) => ({ from, ...JSON.parse(line) }));
    },
    remove: () => rm(place, { recursive: true, force: true }),
  };
}
