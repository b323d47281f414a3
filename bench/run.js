/**
 * `npm run bench`: what is fast, measured side by side in one run. `-- --short` is the form for CI;
 * `-- --only start,calls` measures some. Ends with 1 when a count is wrong, never because of a time.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCalls } from './calls.js';
import { measureCommands } from './commands.js';
import { measureConnect } from './connect.js';
import { countRequests } from './counts.js';
import { measureForward } from './forward.js';
import { measureExpiry, measureStoredSessions } from './growth.js';
import { measureInstall } from './install.js';
import { measurePages, measureWaiting } from './pages.js';
import { mebibyte } from './processes.js';
import { measureStart } from './start.js';
import { targets } from './targets.js';
import { measureTransfer } from './transfer.js';

const { values: options } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const { short } = options;
const rounds = short ? 5 : 20;

/** @type {Record<string, () => Promise<unknown>>} */
const measurements = {
  counts: () => countRequests(),
  start: () => measureStart({ rounds }),
  commands: () => measureCommands({ rounds }),
  calls: () => measureCalls({ rounds, calls: short ? 100 : 500 }),
  pages: () => measurePages({ rounds: short ? 3 : 20 }),
  waiting: () => measureWaiting({ rounds: short ? 3 : 20 }),
  transfer: () => measureTransfer({ rounds, bytes: (short ? 128 : 1024) * mebibyte }),
  forward: () =>
    measureForward({
      rounds,
      requests: short ? 1000 : 5000,
      bytes: (short ? 128 : 1024) * mebibyte,
    }),
  connect: () => measureConnect({ rounds, calls: short ? 100 : 500 }),
  sessions: () =>
    measureStoredSessions({
      counts: short ? [10, 1000] : [10, 1000, 100_000],
      lookups: 10,
      rounds,
    }),
  expiry: () => measureExpiry({ counts: short ? [1, 16] : [1, 16, 64] }),
  install: () => measureInstall({ rounds: short ? 1 : 5 }),
};
const wanted = options.only?.split(',') ?? Object.keys(measurements);
const unknown = wanted.filter((name) => !Object.hasOwn(measurements, name));
if (unknown.length > 0) {
  throw new Error(`There is no ${unknown}; there are ${Object.keys(measurements).join(', ')}.`);
}
const print = (text = '') => process.stdout.write(`${text}\n`);

const report = {
  at: new Date().toISOString(),
  short,
  machine: {
    node: process.version,
    processors: cpus().length,
    model: cpus()[0]?.model,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
  },
  /** @type {Record<string, unknown>} */
  results: {},
  /** One minute's load average before each measurement: above the processors, times say little. */
  load: {},
};

for (const name of wanted) {
  report.load[name] = loadavg()[0];
  print(`\n${name} (load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors)`);
  const result = await measurements[name]();
  report.results[name] = result;
  printTable(result);
}

const reached = targets(report.results);
print('\ntargets');
printTable(reached);

const folder = new URL('results/', import.meta.url);
await mkdir(folder, { recursive: true });
const file = new URL(`${report.at.replace(/[:.]/g, '-')}.json`, folder);
await writeFile(file, `${JSON.stringify({ ...report, targets: reached }, undefined, 2)}\n`);
print(`\nWritten to ${file.pathname}`);

const { counts = [], expiry = [] } = report.results;
const wrong = [...counts, ...expiry].filter(({ right }) => !right);
if (wrong.length > 0) {
  print(
    `\nThe requests on the wire are not as they should be:\n${JSON.stringify(wrong, undefined, 2)}`,
  );
  process.exitCode = 1;
}

/** Rows of records, by name or in a list; one record is one row. */
function printTable(result) {
  const rows = Array.isArray(result)
    ? result
    : Object.values(result).every((value) => typeof value === 'object' && !Array.isArray(value))
      ? Object.entries(result).map(([name, row]) => ({ '': name, ...row }))
      : [result];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => cell(row[column])));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((row) => row[index].length)),
  );
  for (const row of [columns, ...cells]) {
    print(`  ${row.map((text, index) => text.padEnd(widths[index])).join('  ')}`.trimEnd());
  }
}

function cell(value) {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (typeof value !== 'number') return String(value ?? '');
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 100 ? 2 : 0);
}
