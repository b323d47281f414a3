// `npm run pack:release`, after pack:plugins: what is attached to a release, in dist-packages/release/.
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changelogOf } from './changelog.js';
import { readSource, root } from './source.js';
import { tools } from './tools.js';

const made = join(root, 'dist-packages');
const out = join(made, 'release');
const { name, version } = await readSource();
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const run = (command, ...args) =>
  execFileSync(command, args, { cwd: made, stdio: ['ignore', 'ignore', 'inherit'] });
run('npx', '-y', tools.mcpb, 'pack', 'mcpb', join(out, `${name}.mcpb`));
// Gemini CLI takes the archive of its platform from the newest release, and no other.
for (const platform of ['darwin', 'linux', 'win32']) {
  run('tar', '-czf', join(out, `${platform}.${name}.tar.gz`), '-C', 'gemini-extension', '.');
}
run('tar', '-czf', join(out, `${name}-plugin.tar.gz`), '-C', 'plugin', '.');
// A stack trace is read with these (packaging/stack-trace.js); the package comes without them.
run('tar', '-czf', join(out, 'source-maps.tar.gz'), '-C', root, '--exclude=*.js', 'dist');
const notes = changelogOf(await readFile(join(root, 'CHANGELOG.md'), 'utf8'), version);
await writeFile(join(made, 'notes.md'), `${notes ?? ''}\n`);
