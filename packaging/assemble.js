// `npm run pack:plugins`: the package as npm packs it, and from it the bundle and the plugins, each in a
// folder of dist-packages/ (or `--out FOLDER`) that its host installs.
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { mcpbManifest } from './manifests/mcpb.js';
import {
  agentPlugin,
  agentPluginServers,
  claudePlugin,
  claudeServers,
  geminiExtension,
} from './manifests/plugins.js';
import { readSource, root } from './source.js';

const run = promisify(execFile);

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist-packages' } } });
const out = resolve(root, values.out);
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const source = await readSource();
const tarball = await packNpm();
const folders = {
  // For Claude Code and Codex: each reads its own manifest and leaves the other's alone.
  plugin: {
    '.claude-plugin/plugin.json': claudePlugin(source),
    '.mcp.json': claudeServers(source),
    'plugin.json': agentPlugin(source),
    'mcp.json': agentPluginServers(source),
  },
  'gemini-extension': { 'gemini-extension.json': geminiExtension(source) },
  mcpb: {},
};
for (const [name, files] of Object.entries(folders)) {
  const folder = join(out, name);
  await unpack(tarball, folder);
  if (name === 'mcpb') {
    await cp(join(root, 'packaging/icon.png'), join(folder, 'icon.png'));
    await write(folder, 'manifest.json', mcpbManifest(source, await tools(folder)));
    await rm(join(folder, 'dist/skills'), { recursive: true });
  } else {
    await cp(join(folder, 'dist/skills'), join(folder, 'skills'), { recursive: true });
    await rm(join(folder, 'dist/skills'), { recursive: true });
    await command(join(folder, 'bin', source.name));
  }
  for (const [path, content] of Object.entries(files)) await write(folder, path, content);
}
await cp(join(root, 'packaging/icon.png'), join(out, 'plugin/.claude-plugin/icon.png'));
process.stdout.write(`${out}\n`);

/** A clean build in a folder of its own: servers may be running from dist/. */
async function packNpm() {
  const place = await mkdtemp(join(tmpdir(), 'cloudflare-access-pack-'));
  try {
    const about = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const others = about.files.filter((each) => each !== 'dist' && !each.startsWith('!'));
    for (const name of ['package.json', 'README.md', 'LICENSE', ...others]) {
      await cp(join(root, name), join(place, name), { recursive: true });
    }
    const build = ['esbuild.config.js', '--out', join(place, 'dist')];
    await run(process.execPath, build, { cwd: root });
    const packed = ['pack', '--ignore-scripts', '--json', '--pack-destination', out];
    const { stdout } = await run('npm', packed, { cwd: place });
    return join(out, JSON.parse(stdout)[0].filename);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function unpack(file, folder) {
  await mkdir(folder, { recursive: true });
  await run('tar', ['-xzf', file, '--strip-components=1', '-C', folder]);
  // Of the package only what the program needs to be started with node.
  const { name, version, type, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  await write(folder, 'package.json', { name, version, type, license, private: true });
  for (const each of ['mcp.json.example']) await rm(join(folder, each));
}

async function write(folder, path, content) {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), `${JSON.stringify(content, null, 2)}\n`);
}

/** Claude Code puts a plugin's bin/ on the PATH of the agent's shell. */
async function command(file) {
  await mkdir(dirname(file), { recursive: true });
  const relative = `../${source.program}`;
  await writeFile(file, `#!/bin/sh\nexec node "$(dirname "$0")/${relative}" "$@"\n`);
  await chmod(file, 0o755);
  await writeFile(`${file}.cmd`, `@node "%~dp0${relative.replaceAll('/', '\\')}" %*\r\n`);
}

/** What the build recorded that the server says to tools/list; a form has room for the first sentence. */
async function tools(folder) {
  const { lists } = JSON.parse(await readFile(join(folder, 'dist/handshake.json'), 'utf8'));
  return lists['tools/list'].tools.map(({ name, description }) => ({
    name,
    description: /^.+?[.!?](?=\s|$)/s.exec(description)?.[0] ?? description,
  }));
}
