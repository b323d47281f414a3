// Registers the built server in real hosts and shows that they connect: `npm run test:hosts`.
// Each host's command line is installed from npm into a temporary folder, with a home of its own, and
// asked for its MCP servers. No account is needed. What counts is what passed between host and server.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const server = join(here, '..', '..', 'dist', 'main.js');
const name = 'cloudflare-access';

/** @typedef {{ home: string, project: string, command: string[], host: ((...args: string[]) => Promise<string>) & { talk: (args: string[], lines: object[], last: RegExp) => Promise<string> } }} Place */

/** @type {Record<string, { package: string, bin: string, connect: (place: Place) => Promise<string>, says: RegExp }>} */
const hosts = {
  'Claude Code': {
    package: '@anthropic-ai/claude-code@2.1.197',
    bin: 'claude',
    async connect({ host, command }) {
      await host('mcp', 'add', '--scope', 'user', name, '--', ...command);
      return host('mcp', 'list');
    },
    says: /cloudflare-access: .*Connected/,
  },
  OpenCode: {
    package: 'opencode-ai@1.18.33',
    bin: 'opencode',
    async connect({ host, home, command }) {
      await mkdir(join(home, '.config', 'opencode'), { recursive: true });
      await writeFile(
        join(home, '.config', 'opencode', 'opencode.json'),
        JSON.stringify({ mcp: { [name]: { type: 'local', command } } }),
      );
      return host('mcp', 'list');
    },
    says: /cloudflare-access.*connected/,
  },
  'Gemini CLI': {
    package: '@google/gemini-cli@0.61.0',
    bin: 'gemini',
    async connect({ host, home, command: [program, ...args] }) {
      await mkdir(join(home, '.gemini'), { recursive: true });
      await writeFile(
        join(home, '.gemini', 'settings.json'),
        JSON.stringify({
          security: { folderTrust: { enabled: false } },
          mcpServers: { [name]: { command: program, args } },
        }),
      );
      return host('mcp', 'list');
    },
    says: /cloudflare-access: .*Connected/,
  },
  Codex: {
    package: '@openai/codex@0.169.0',
    bin: 'codex',
    async connect({ host, command }) {
      await host('mcp', 'add', name, '--', ...command);
      // `mcp list` starts no server; the app server that editors talk to does.
      return host.talk(
        ['app-server'],
        [
          { id: 1, method: 'initialize', params: { clientInfo: { name: 'test', version: '1' } } },
          { method: 'initialized' },
          { id: 2, method: 'mcpServerStatus/list', params: {} },
        ],
        /"id":2,/,
      );
    },
    says: /"name":"cloudflare-access".*"access_fetch"/,
  },
};

const run = (file, args, options) =>
  new Promise((resolve) => {
    const child = execFile(file, args, { timeout: 180_000, ...options }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}${error ? `\n${error.message}` : ''}`),
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

async function tryHost(title, { package: wanted, bin, connect, says }) {
  const place = await mkdtemp(join(tmpdir(), 'cloudflare-access-host-'));
  try {
    const [home, project] = [join(place, 'home'), join(place, 'project')];
    for (const folder of [home, project]) await mkdir(folder);
    await writeFile(join(place, 'package.json'), '{"private":true}');
    const options = { cwd: place, env: { ...process.env, CI: 'true' } };
    const installed = await run('npm', ['install', '--no-audit', '--no-fund', wanted], options);
    const record = join(place, 'record');
    const command = [process.execPath, join(here, 'recorder.js'), record, server];
    const env = { PATH: process.env.PATH, HOME: home, TERM: 'dumb', NO_COLOR: '1' };
    const program = join(place, 'node_modules', '.bin', bin);
    const host = Object.assign((...args) => run(program, args, { cwd: project, env }), {
      talk: (args, lines, last) => talk(program, args, lines, last, { cwd: project, env }),
    });
    const said = await connect({ home, project, command, host });
    const passed = (await readFile(record, 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .map(({ from, line }) => ({ from, ...JSON.parse(line) }));
    const asked = passed.filter(({ from }) => from === 'host').map(({ method }) => method);
    const tools = passed.flatMap(({ from, result }) =>
      from === 'server' && result?.tools ? result.tools.map((tool) => tool.name) : [],
    );
    return {
      title,
      says: says.test(said),
      asked: [...new Set(asked.filter(Boolean))],
      tools: [...new Set(tools)],
      output: says.test(said) ? '' : `${installed.slice(-500)}\n${said.slice(-1500)}`,
    };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

let failed = 0;
const only = process.argv.slice(2);
for (const [title, host] of Object.entries(hosts)) {
  if (only.length > 0 && !only.includes(host.bin)) continue;
  const { says, asked, tools, output } = await tryHost(title, host);
  if (!says) failed += 1;
  const heard = asked.length === 0 ? 'started no server for this command' : asked.join(', ');
  process.stdout.write(`${says ? 'ok  ' : 'FAIL'} ${title} (${host.package}): ${heard}\n`);
  if (tools.length > 0) process.stdout.write(`     tools: ${tools.join(', ')}\n`);
  if (tools.length > 0 && tools.length !== 4) failed += 1;
  if (output) process.stdout.write(`${output.replace(/^/gm, '     | ')}\n`);
}
process.stdout.write(failed === 0 ? 'All hosts connect.\n' : `${failed} failed.\n`);
process.exitCode = failed === 0 ? 0 : 1;
