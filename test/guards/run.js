/**
 * Removes each guard of guards.ts in turn, in a copy of the tree, and shows which test fails without it.
 * Plain JavaScript, because Node 20 runs no TypeScript. `--only NAME,NAME` tries some. Exits with 1 when a
 * guard is missed by no test, or does not stand where it should.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

/** @typedef {import('./guards.ts').Guard} Guard */
/** @typedef {{ readonly guard: Guard, readonly fine: boolean, readonly words: string, readonly seconds: number }} Outcome */

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Two processes at once: the tests have servers of their own, on ports of their own. */
const copies = 2;
const longestMs = 180_000;
/** All tests of all guards, once, before any guard is removed. */
const soundMs = 1_200_000;
/** Nothing that is made from the rest; `dist-…` is a build that runs beside us. */
const leftOut = /^(?:\.git|node_modules|dist.*|test-output)$/;

/** @returns {Promise<readonly Guard[]>} */
async function readGuards() {
  const source = await readFile(new URL('./guards.ts', import.meta.url), 'utf8');
  const { code } = await transform(source, { loader: 'ts', format: 'esm' });
  const { guards } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const at = process.argv.indexOf('--only');
  if (at === -1) return guards;
  const names = (process.argv[at + 1] ?? '').split(',');
  return names.map((name) => {
    const guard = guards.find((/** @type {Guard} */ one) => one.name === name);
    if (!guard) throw new Error(`There is no guard called ${name}.`);
    return guard;
  });
}

/** A copy of the tree, whose tests build nothing by themselves. */
async function copyTree() {
  const folder = await mkdtemp(join(tmpdir(), 'guards-'));
  await cp(root, folder, {
    recursive: true,
    filter: (path) => !leftOut.test(relative(root, path).split(sep)[0] ?? ''),
  });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(
    join(folder, 'vitest.guards.config.ts'),
    `export default { test: { include: ['test/**/*.test.ts'], testTimeout: 20_000, hookTimeout: 30_000, bail: 1, maxWorkers: 2 } };\n`,
  );
  return folder;
}

/**
 * @param {string} folder
 * @param {string[]} args
 * @param {number} limitMs
 * @returns {Promise<{ code: number | null, text: string }>}
 */
function node(folder, args, limitMs = longestMs) {
  return new Promise((resolve) => {
    const env = { ...process.env, PROPERTY_CASES: 'all' };
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, args, { cwd: folder, env, stdio });
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    child.stderr.on('data', (part) => {
      text += part;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve({ code, text });
    });
  });
}

/**
 * @param {string} folder
 * @param {{ built: boolean, only: string | undefined, tests: readonly string[], limitMs?: number }} what
 */
async function runTests(folder, { built, only, tests, limitMs }) {
  if (built) {
    const build = await node(folder, ['esbuild.config.js']);
    if (build.code !== 0) return { state: 'unbuilt', text: build.text };
  }
  const filter = only === undefined ? [] : ['-t', only];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.guards.config.ts'];
  const args = [...vitest, '--reporter=json', ...filter, ...tests];
  const { code, text } = await node(folder, args, limitMs);
  const start = text.indexOf('{"numTotalTestSuites"');
  if (start === -1) return { state: 'broken', text: `exit ${code}: ${text.slice(-300)}` };
  const report = JSON.parse(text.slice(start, text.lastIndexOf('}') + 1));
  const results = report.testResults.flatMap(
    (/** @type {{ assertionResults: { status: string, title: string }[] }} */ file) =>
      file.assertionResults,
  );
  const failed = results.find((/** @type {{ status: string }} */ one) => one.status === 'failed');
  if (failed) return { state: 'failed', text: failed.title };
  if (!results.some((/** @type {{ status: string }} */ one) => one.status === 'passed')) {
    return { state: 'broken', text: `no test was run: ${report.testResults[0]?.message ?? ''}` };
  }
  return { state: 'passed', text: '' };
}

/** @param {string} folder @param {Guard} guard @returns {Promise<Outcome>} */
async function tryGuard(folder, guard) {
  const startedAt = performance.now();
  /** @param {boolean} fine @param {string} words */
  const outcome = (fine, words) => ({
    guard,
    fine,
    words,
    seconds: Math.round((performance.now() - startedAt) / 1000),
  });
  const file = join(folder, guard.file);
  const text = await readFile(file, 'utf8');
  const found = text.split(guard.guard).length - 1;
  if (found !== 1) return outcome(false, `stands ${found} times in ${guard.file}`);
  await writeFile(file, text.split(guard.guard).join(guard.without));
  try {
    const { built = false, only, test } = guard;
    const { state, text: words } = await runTests(folder, { built, only, tests: [test] });
    if (state === 'failed') return outcome(true, words);
    return outcome(false, state === 'passed' ? 'SURVIVED' : `${state}: ${words}`);
  } finally {
    await writeFile(file, text);
  }
}

/**
 * With all guards in place the tests pass: otherwise their failing without one would say nothing.
 * @param {string} folder
 * @param {readonly Guard[]} some
 */
async function expectSound(folder, some) {
  if (some.length === 0) return;
  const names = some.map(({ only }) => only).filter((only) => only !== undefined);
  const { state, text } = await runTests(folder, {
    built: true,
    only: names.length === 0 ? undefined : names.join('|'),
    tests: [...new Set(some.map(({ test }) => test))],
    limitMs: soundMs,
  });
  if (state !== 'passed') throw new Error(`A test fails with all guards in place: ${text}`);
}

/** @param {Outcome} outcome */
function print({ guard, fine, words, seconds }) {
  const line = [
    fine ? 'ok  ' : 'LOST',
    guard.name.padEnd(20),
    `${seconds} s`.padStart(5),
    guard.keeps.padEnd(60),
    fine ? `${guard.test.replace(/^test\//, '')}: ${words}` : words,
  ].join('  ');
  process.stdout.write(`${line}\n`);
}

// Whoever reads the table may have seen enough.
process.stdout.on('error', () => {});

const guards = [...(await readGuards())];
const all = guards.length;
/** @type {Outcome[]} */
const outcomes = [];
const folders = await Promise.all(Array.from({ length: Math.min(copies, all) }, copyTree));
const [first = '', second = first] = folders;
try {
  await expectSound(
    first,
    guards.filter(({ only }) => only !== undefined),
  );
  await expectSound(
    second,
    guards.filter(({ only }) => only === undefined),
  );
  await Promise.all(
    folders.map(async (folder) => {
      for (let guard = guards.shift(); guard; guard = guards.shift()) {
        const outcome = await tryGuard(folder, guard);
        outcomes.push(outcome);
        print(outcome);
      }
    }),
  );
} finally {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
}
const lost = outcomes.filter(({ fine }) => !fine);
process.stdout.write(
  `\n${all - lost.length} of ${all} guards are missed by a test when they go.\n`,
);
process.exitCode = lost.length === 0 ? 0 : 1;
