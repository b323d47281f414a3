/**
 * Runs the public MCP conformance suites against the built server: `npm run test:conformance`. Each
 * scenario has a process, a folder and a callback port of its own. It passes when all checks of the suite
 * do, without a warning, and `access_fetch` ended as scenarios.js says. The results must be those that
 * docs/conformance.md lists; `--write` writes them there, `--only NAME` tries one scenario.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isKept } from './page.js';
import { rounds } from './rounds.js';
import { endings, leftOut, metadataDocuments } from './scenarios.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const longestMs = 90_000;
/** As many at once as the machines that run it have cores. */
const atOnce = 2;

/** @typedef {import('./rounds.js').Round} Round */
/** @typedef {{ round: Round, scenario: string, checks: number, code: string | null, faults: string[], words: string }} Result */

/**
 * @param {string} suite
 * @param {string[]} args
 * @param {Record<string, string>} [environment]
 * @returns {Promise<{ code: number | null, text: string }>}
 */
function runSuite(suite, args, environment = {}) {
  const program = join(root, 'node_modules', suite, 'dist', 'index.js');
  const stub = new URL('glob-sync.js', import.meta.url).href;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', stub, program, ...args], {
      cwd: here,
      // The suite starts its client by a shell, as `node`.
      env: {
        ...process.env,
        ...environment,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        text += part;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), longestMs);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, text });
    });
  });
}

/** @param {Round} round @returns {Promise<string[]>} */
async function scenariosOf({ suite, revision }) {
  const { text } = await runSuite(suite, ['list', '--client']);
  const lines = [...text.matchAll(/^ {2}- (\S+) \[(\S+)\]/gm)];
  const names = lines.map(([, name]) => name ?? '');
  const unknown = names.filter((name) => !(name in endings) && !(name in leftOut));
  if (unknown.length > 0) throw new Error(`${suite} has unknown scenarios: ${unknown.join(', ')}`);
  if (revision === undefined) return names;
  // What came with the revision was run with it in any case, and what it has dropped is not for it.
  const isOlder = (/** @type {string} */ of) => of !== revision && of.split(',').includes(revision);
  return lines.filter(([, , of]) => isOlder(of ?? '')).map(([, name]) => name ?? '');
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    // Both families: the callback is listened for on each.
    server.listen(0, '::', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** @param {Round} round @param {string} scenario @returns {Promise<Result>} */
async function tryScenario(round, scenario) {
  const { suite, revision } = round;
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  const results = join(folder, 'results');
  /** @type {Readonly<Record<string, string>>} */
  const documents = metadataDocuments;
  try {
    const { code: exit, text } = await runSuite(
      suite,
      [
        ...['client', '--command', 'node client.js', '--scenario', scenario, '-o', results],
        ...(revision === undefined ? [] : ['--spec-version', revision]),
      ],
      {
        CONFORMANCE_FOLDER: folder,
        CONFORMANCE_CALLBACK_PORT: String(await freePort()),
        CONFORMANCE_CLIENT_ID: documents[scenario] ?? '',
      },
    );
    const checks = await checksIn(results);
    const { code } = JSON.parse(
      await readFile(join(folder, 'outcome.json'), 'utf8').catch(() => '{"code":"no outcome"}'),
    );
    const wanted = endings[scenario] ?? null;
    const judged = checks.filter(({ status }) => status !== 'INFO');
    const faults = [
      ...judged
        .filter(({ status }) => status !== 'SUCCESS' && status !== 'SKIPPED')
        .map(({ id, status, description }) => `${status} ${id}: ${description}`),
      ...(judged.some(({ status }) => status === 'SUCCESS') ? [] : ['nothing was checked']),
      ...(code === wanted ? [] : [`access_fetch ended with ${code}, not ${wanted}`]),
      ...(exit === 0 ? [] : [`the suite ended with ${exit}`]),
    ];
    const passed = judged.filter(({ status }) => status === 'SUCCESS').length;
    return { round, scenario, checks: passed, code, faults, words: text };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} results @returns {Promise<{ id: string, status: string, description: string }[]>} */
async function checksIn(results) {
  const names = await readdir(results, { recursive: true }).catch(() => []);
  const found = names.find((name) => name.endsWith('checks.json'));
  return found === undefined ? [] : JSON.parse(await readFile(join(results, found), 'utf8'));
}

const at = process.argv.indexOf('--only');
const only = at === -1 ? undefined : process.argv[at + 1];
/** @type {[Round, string][]} */
const waiting = [];
for (const round of rounds) {
  const names = (await scenariosOf(round)).filter((name) => name in endings);
  for (const name of names) if (only === undefined || name === only) waiting.push([round, name]);
}
/** @type {Result[]} */
const results = [];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = await tryScenario(...next);
      results.push(result);
      const { round, scenario, checks, code, faults, words } = result;
      const where = `${round.suite} ${round.revision ?? ''}`.padEnd(30);
      const ending = `${checks} checks, ${code ?? 'the page'}`;
      process.stdout.write(
        `${faults.length === 0 ? 'ok  ' : 'FAIL'}  ${where}${scenario.padEnd(40)}${ending}\n`,
      );
      if (faults.length > 0) process.stdout.write(`${faults.join('\n')}\n${words}\n`);
    }
  }),
);
const failed = results.filter(({ faults }) => faults.length > 0);
process.stdout.write(`\n${results.length - failed.length} of ${results.length} scenarios pass.\n`);
process.exitCode = failed.length === 0 && results.length > 0 ? 0 : 1;
if (only === undefined && !(await isKept(results, process.argv.includes('--write')))) {
  process.stdout.write('docs/conformance.md says otherwise: npm run test:conformance -- --write\n');
  process.exitCode = 1;
}
