// `npm run release -- X.Y.Z`: the version everywhere, and what was unreleased under it in CHANGELOG.md.
// It commits and publishes nothing. With `--check vX.Y.Z` it fails unless that is what the tree says.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changelogOf, released } from './changelog.js';
import { readSource, root } from './source.js';

const [first, second] = process.argv.slice(2);
const changelog = join(root, 'CHANGELOG.md');

if (first === '--check') await check(second ?? '');
else await release(first ?? '');

async function release(version) {
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new Error('Say which version: npm run release -- X.Y.Z');
  const { repository, version: before } = await readSource();
  const date = new Date().toISOString().slice(0, 10);
  const text = released(await readFile(changelog, 'utf8'), { version, date, repository });
  if (version !== before) {
    // package.json and package-lock.json, and no tag.
    npm('version', version, '--no-git-tag-version', '--ignore-scripts');
  }
  await writeFile(changelog, text);
  const readme = join(root, 'README.md');
  await writeFile(readme, withoutUnreleased(await readFile(readme, 'utf8')));
  npm('run', '--silent', 'generate');
  process.stdout.write(
    `The tree is ${version}. Look at it, commit it, and push the tag v${version}: the workflow publishes it.\n`,
  );
}

/** What only holds until there is a release says so itself. */
function withoutUnreleased(readme) {
  return readme.replace(
    /<!-- until the first release -->[\s\S]*?<!-- end: until the first release -->\n\n/,
    '',
  );
}

async function check(tag) {
  const { version } = await readSource();
  const problems = [];
  if (tag !== `v${version}`) problems.push(`package.json says ${version}, the tag ${tag}`);
  if (changelogOf(await readFile(changelog, 'utf8'), version) === undefined) {
    problems.push(`CHANGELOG.md has nothing under ${version}`);
  }
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  if (lock.packages[''].version !== version) problems.push('package-lock.json has another version');
  for (const each of problems) process.stdout.write(`${each}\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

function npm(...args) {
  execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
