/** One command makes a release of the tree: the version everywhere, and the changelog. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let place: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'cloudflare-access-release-'));
  const kept = ['package.json', 'package-lock.json', 'mcp.json.example', 'README.md', 'AGENTS.md'];
  for (const name of [...kept, 'CHANGELOG.md', '.claude-plugin', 'docs', 'packaging', 'src']) {
    cpSync(join(root, name), join(place, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const read = (path: string) => readFileSync(join(place, path), 'utf8');
const release = (...args: string[]) =>
  spawnSync(process.execPath, ['packaging/release.js', ...args], { cwd: place, encoding: 'utf8' });

describe('npm run release', () => {
  it('writes the version wherever it stands, and what was unreleased under it', () => {
    const before = JSON.parse(read('package.json')).version as string;
    expect(read('README.md')).toContain('until the first release');
    expect(release('9.8.7')).toMatchObject({ status: 0, stderr: '' });

    expect(JSON.parse(read('package.json')).version).toBe('9.8.7');
    expect(JSON.parse(read('package-lock.json')).version).toBe('9.8.7');
    const server = JSON.parse(read('packaging/server.json'));
    expect([server.version, server.packages[0].version]).toEqual(['9.8.7', '9.8.7']);
    const [plugin] = JSON.parse(read('.claude-plugin/marketplace.json')).plugins;
    expect([plugin.version, plugin.source.version]).toEqual(['9.8.7', '9.8.7']);
    const changelog = read('CHANGELOG.md');
    expect(changelog).toMatch(
      /## \[Unreleased\]\n\n## \[9\.8\.7\] - \d{4}-\d\d-\d\d\n\n### Added\n/,
    );
    expect(changelog).toMatch(/^\[Unreleased\]: https:\S+\/compare\/v9\.8\.7\.\.\.HEAD$/m);
    expect(changelog).toMatch(/^\[9\.8\.7\]: https:\S+\/releases\/tag\/v9\.8\.7$/m);
    expect(read('README.md')).not.toMatch(/until the first release|not on npm yet/);
    // Nowhere the old one: but for the lockfile, where it may be another package's.
    for (const path of [
      'package.json',
      'packaging/server.json',
      '.claude-plugin/marketplace.json',
    ]) {
      expect(read(path)).not.toContain(`"${before}"`);
    }

    expect(release('--check', 'v9.8.7')).toMatchObject({ status: 0, stdout: '' });
    expect(release('--check', 'v9.8.8')).toMatchObject({ status: 1 });
  });

  it('compares the next version with the one before it', () => {
    expect(release('9.8.7').status).toBe(0);
    // Nothing has changed since.
    expect(release('9.9.0')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Nothing is unreleased'),
    });
  });

  it('takes no version but three numbers, and changes nothing for another', () => {
    const before = read('package.json');
    for (const version of ['', '1.0', 'v1.0.0', '1.0.0-beta.1', '../1.0.0']) {
      expect(release(version).status, version).toBe(1);
    }
    expect(read('package.json')).toBe(before);
  });
});
