// Bundles src/main.ts and what it imports into dist/, so that the package needs no dependency tree.
// Splitting keeps whatever is imported with `import()` in files of its own, loaded on first use.
import { execFileSync } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const fresh = await mkdtemp('dist-');

const options = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  minifySyntax: true,
  minifyWhitespace: true,
  define: { VERSION: JSON.stringify(version) },
  // Some libraries in the bundle are CommonJS and call require() for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
};

try {
  await build({
    ...options,
    entryPoints: ['src/main.ts', 'src/host/open-browser.ts'],
    outdir: fresh,
    entryNames: '[name]',
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    sourcemap: true,
    sourcesContent: false,
  });
  // `open` starts this script of its own on Linux, looked for beside the file that imports it.
  await copyFile('node_modules/open/xdg-open', join(fresh, 'xdg-open'));
  await chmod(join(fresh, 'xdg-open'), 0o755);
  await chmod(join(fresh, 'main.js'), 0o755);

  const recorder = join(fresh, 'record-handshake.js');
  await build({ ...options, entryPoints: ['src/tools/record-handshake.ts'], outfile: recorder });
  await writeFile(join(fresh, 'handshake.json'), execFileSync(process.execPath, [recorder]));
  await rm(recorder);

  // The tests build beside servers that run, whose chunks must stay: files are replaced one by one,
  // and only a clean build removes those of earlier ones.
  if (process.argv.includes('--clean')) await rm('dist', { recursive: true, force: true });
  for (const name of await readdir(fresh, { recursive: true, withFileTypes: true })) {
    if (name.isDirectory()) continue;
    const from = join(name.parentPath, name.name);
    const to = join('dist', from.slice(fresh.length + 1));
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}
