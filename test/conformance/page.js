/** docs/conformance.md: the results of a run and the reasons for what is left out, as they stand there. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rounds } from './rounds.js';
import { leftOut } from './scenarios.js';

/** @typedef {import('./rounds.js').Round} Round */
/** @typedef {{ round: Round, scenario: string, code: string | null, faults: string[] }} Result */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const page = join(root, 'docs', 'conformance.md');

/** @param {readonly Result[]} results */
async function table(results) {
  const heads = await Promise.all(
    rounds.map(async ({ suite, revision }) => {
      const at = join(root, 'node_modules', suite, 'package.json');
      const { version } = JSON.parse(await readFile(at, 'utf8'));
      return revision === undefined ? version : `${version}, revision ${revision}`;
    }),
  );
  const names = [...new Set(results.map(({ scenario }) => scenario))].sort();
  const cell = (/** @type {Round} */ round, /** @type {string} */ name) => {
    const result = results.find((one) => one.round === round && one.scenario === name);
    if (result === undefined) return '–';
    return result.faults.length > 0 ? 'FAILED' : (result.code ?? 'the page');
  };
  return [
    `| scenario | ${heads.join(' | ')} |`,
    `|---|${rounds.map(() => '---').join('|')}|`,
    ...names.map(
      (name) => `| \`${name}\` | ${rounds.map((round) => cell(round, name)).join(' | ')} |`,
    ),
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

/**
 * Whether the page says what `results` are; with `write` it is made to.
 * @param {readonly Result[]} results
 * @param {boolean} write
 */
export async function isKept(results, write) {
  const text = await readFile(page, 'utf8');
  const fresh = text
    .replace(new RegExp(`${start}[^]*?${end}`), `${start}\n${await table(results)}\n${end}`)
    .replace(new RegExp(`${middle}[^]*?${end}`), `${middle}\n${reasons()}\n${end}`);
  if (fresh === text) return true;
  if (write) await writeFile(page, fresh);
  return write;
}
