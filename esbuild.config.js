// Bundles src/main.ts and what it imports into dist/, so that the package needs no dependency tree.
// Splitting keeps whatever is imported with `import()` in files of its own, loaded on first use.
import { chmod, copyFile, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));

await rm('dist', { recursive: true, force: true });
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
