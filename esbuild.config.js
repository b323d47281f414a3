// Bundles src/main.ts and what it imports into dist/, so that the package needs no dependency tree.
// Splitting keeps whatever is imported with `import()` in files of its own, loaded on first use.
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import { build } from 'esbuild';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));

// The tests build beside servers that run, whose chunks must stay: only a clean build removes them.
if (process.argv.includes('--clean')) await rm('dist', { recursive: true, force: true });
await rm('dist/handshake.json', { force: true });
await build({
  entryPoints: ['src/main.ts', 'src/host/open-browser.ts'],
  outdir: 'dist',
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  sourcemap: true,
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  // Some libraries in the bundle are CommonJS and call require() for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  define: { VERSION: JSON.stringify(version) },
  chunkNames: 'chunks/[name]-[hash]',
});
// `open` starts this script of its own on Linux, looked for beside the file that imports it.
await copyFile('node_modules/open/xdg-open', 'dist/xdg-open');
await chmod('dist/xdg-open', 0o755);
await chmod('dist/main.js', 0o755);

// What the SDK's server answers to a host's first two questions, so that it need not be loaded for
// them (src/tools/handshake.ts). Without this file the server asks the SDK, as it does here.
const questions = [
  {
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: 'unknown',
      capabilities: {},
      clientInfo: { name: 'build', version },
    },
  },
  { method: 'notifications/initialized' },
  { id: 2, method: 'tools/list' },
];
const { stdout } = spawnSync(process.execPath, ['dist/main.js'], {
  input: questions.map((each) => `${JSON.stringify({ jsonrpc: '2.0', ...each })}\n`).join(''),
  env: {},
  encoding: 'utf8',
});
const answers = stdout
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const resultOf = (id) => answers.find((answer) => answer.id === id).result;
await writeFile(
  'dist/handshake.json',
  JSON.stringify({
    protocolVersions: SUPPORTED_PROTOCOL_VERSIONS,
    initialize: resultOf(1),
    toolsList: resultOf(2),
  }),
);
