/**
 * Runs the public MCP conformance suites against the built server: `npm run test:conformance`. Each
 * scenario has a process, a folder and a callback port of its own. It passes when all checks of the suite
 * do, without a warning, and `access_fetch` ended as scenarios.js says. The results must be those that
 * docs/conformance.md lists; `--write` writes them there, `--only NAME` tries one scenario.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endings, leftOut, metadataDocuments } from './scenarios.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const page = join(root, 'docs', 'conformance.md');
const suites = ['conformance-stable', 'conformance-next'];
const longestMs = 90_000;
/** As many at once as the machines that run it have cores. */
const atOnce = 2;

/** @typedef {{ suite: string, scenario: string, checks: number, code: string | null, faults: string[], words: string }} Result */

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

/** @param {string} suite @returns {Promise<string[]>} */
async function scenariosOf(suite) {
  const { text } = await runSuite(suite, ['list', '--client']);
  const names = [...text.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name ?? '');
  const unknown = names.filter((name) => !(name in endings) && !(name in leftOut));
  if (unknown.length > 0) throw new Error(`${suite} has unknown scenarios: ${unknown.join(', ')}`);
  return names;
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

/** @param {string} suite @param {string} scenario @returns {Promise<Result>} */
async function tryScenario(suite, scenario) {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  const results = join(folder, 'results');
  /** @type {Readonly<Record<string, string>>} */
  const documents = metadataDocuments;
  try {
    const { code: exit, text } = await runSuite(
      suite,
      ['client', '--command', 'node client.js', '--scenario', scenario, '-o', results],
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
    return { suite, scenario, checks: passed, code, faults, words: text };
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

/** @param {readonly Result[]} results */
async function table(results) {
  const lines = [...results]
    .sort((one, other) => one.scenario.localeCompare(other.scenario))
    .map(({ suite, scenario, code, faults }) => [
      suite,
      scenario,
      code ?? 'the page',
      faults.length,
    ])
    .map(([suite, scenario, code, faults]) => ({
      suite,
      scenario,
      cell: faults ? 'FAILED' : code,
    }));
  const versions = await Promise.all(
    suites.map(async (suite) => {
      const at = join(root, 'node_modules', suite, 'package.json');
      return JSON.parse(await readFile(at, 'utf8')).version;
    }),
  );
  const names = [...new Set(lines.map(({ scenario }) => scenario))];
  const cells = names.map((name) =>
    suites.map(
      (suite) =>
        lines.find((line) => line.suite === suite && line.scenario === name)?.cell ?? 'not in it',
    ),
  );
  return [
    `| scenario | ${versions.join(' | ')} |`,
    `|---|${suites.map(() => '---').join('|')}|`,
    ...names.map((name, at) => `| \`${name}\` | ${cells[at]?.join(' | ')} |`),
  ].join('\n');
}

function reasons() {
  const names = Object.keys(leftOut);
  return [...new Set(Object.values(leftOut))]
    .map((reason) => {
      const of = names.filter((name) => leftOut[name] === reason).map((name) => `\`${name}\``);
      return `- ${of.join(', ')}: ${reason}`;
    })
    .join('\n');
}

const [start, middle, end] = ['<!-- results -->', '<!-- left out -->', '<!-- end -->'];

/** @param {readonly Result[]} results */
async function keep(results) {
  const text = await readFile(page, 'utf8');
  const fresh = text
    .replace(new RegExp(`${start}[^]*?${end}`), `${start}\n${await table(results)}\n${end}`)
    .replace(new RegExp(`${middle}[^]*?${end}`), `${middle}\n${reasons()}\n${end}`);
  if (fresh === text) return true;
  if (process.argv.includes('--write')) await writeFile(page, fresh);
  return process.argv.includes('--write');
}

const at = process.argv.indexOf('--only');
const only = at === -1 ? undefined : process.argv[at + 1];
/** @type {[string, string][]} */
const waiting = [];
for (const suite of suites) {
  const names = (await scenariosOf(suite)).filter((name) => name in endings);
  for (const name of names) if (only === undefined || name === only) waiting.push([suite, name]);
}
/** @type {Result[]} */
const results = [];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = await tryScenario(...next);
      results.push(result);
      const { suite, scenario, checks, code, faults, words } = result;
      const ending = `${checks} checks, ${code ?? 'the page'}`;
      process.stdout.write(
        `${faults.length === 0 ? 'ok  ' : 'FAIL'}  ${suite.padEnd(20)}${scenario.padEnd(40)}${ending}\n`,
      );
      if (faults.length > 0) process.stdout.write(`${faults.join('\n')}\n${words}\n`);
    }
  }),
);
const failed = results.filter(({ faults }) => faults.length > 0);
process.stdout.write(`\n${results.length - failed.length} of ${results.length} scenarios pass.\n`);
process.exitCode = failed.length === 0 && results.length > 0 ? 0 : 1;
if (only === undefined && !(await keep(results))) {
  process.stdout.write('docs/conformance.md says otherwise: npm run test:conformance -- --write\n');
  process.exitCode = 1;
}
