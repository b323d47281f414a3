/** The packed package, installed into an empty folder: seconds, packages, megabytes, scripts. */
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from './folder.js';
import { run } from './processes.js';
import { median } from './statistics.js';

const root = new URL('..', import.meta.url).pathname;

/** @param {{ rounds: number }} options */
export async function measureInstall({ rounds }) {
  const place = await temporaryFolder();
  try {
    const checkout = await cleanCheckout(place.path);
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: checkout });
    const [{ filename, size, unpackedSize, files }] = JSON.parse(packed);
    const seconds = [];
    let installed = { packages: 0, scripts: [] };
    for (let round = 0; round < rounds; round += 1) {
      const folder = await temporaryFolder();
      const startedAt = performance.now();
      await run('npm', ['install', '--no-audit', '--no-fund', join(checkout, filename)], {
        cwd: folder.path,
      });
      seconds.push((performance.now() - startedAt) / 1000);
      installed = await whatWasInstalled(folder.path);
      await folder.remove();
    }
    return {
      seconds: median(seconds),
      ...installed,
      tarballBytes: size,
      unpackedBytes: unpackedSize,
      files: files.length,
    };
  } finally {
    await place.remove();
  }
}

/**
 * The package with a build of its own: dist/ may hold the chunks of earlier ones, which servers run from.
 *
 * @param {string} place
 */
async function cleanCheckout(place) {
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const others = files.filter((each) => each !== 'dist' && !each.startsWith('!'));
  const kept = ['package.json', 'README.md', 'LICENSE', ...others];
  for (const name of kept) await cp(join(root, name), join(place, name), { recursive: true });
  await run(process.execPath, ['esbuild.config.js', '--out', join(place, 'dist')], { cwd: root });
  return place;
}

/** @param {string} folder */
async function whatWasInstalled(folder) {
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages).filter(([name]) => name !== '');
  const modules = join(folder, 'node_modules');
  let bytes = 0;
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  const version = await run(process.execPath, [
    join(modules, 'cloudflare-access-mcp/dist/main.js'),
    '--version',
  ]);
  return {
    packages: packages.length,
    scripts: packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name),
    installedMegabytes: bytes / 1e6,
    runs: version.trim(),
  };
}
