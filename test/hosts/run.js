// Tries the built server in real hosts: `npm run test:hosts`, or `-- claude codex` for some of them.
// Each host is installed from npm, lists the tools, and does the whole job with a scripted model.
// No account is needed. `--folder PATH` keeps what is installed for the next time.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hosts } from './hosts.js';
import { install, makePlace } from './place.js';
import { doWholeJob } from './whole-job.js';

const versions = JSON.parse(await readFile(new URL('./versions.json', import.meta.url), 'utf8'));
const {
  positionals: only,
  values: { folder },
} = parseArgs({ allowPositionals: true, options: { folder: { type: 'string' } } });

const say = (text) => process.stdout.write(`${text}\n`);
const quote = (text) => say(text.replace(/^/gm, '     | '));
let failed = 0;

async function tryListing(host, bin) {
  const place = await makePlace(join(bin, host.bin), {});
  try {
    await host.register(place);
    const said = await host.list(place);
    const passed = await place.passed();
    const asked = passed.filter(({ from }) => from === 'host').map(({ method }) => method);
    const tools = new Set(
      passed.flatMap(({ result }) => (result?.tools ?? []).map(({ name }) => name)),
    );
    const isFine = host.says.test(said) && (tools.size === 0 || tools.size === 4);
    const heard = [...new Set(asked.filter(Boolean))].join(', ') || 'no server for this command';
    say(`${isFine ? 'ok  ' : 'FAIL'}   lists: ${heard}`);
    if (isFine) return;
    failed += 1;
    quote(said.slice(-1500));
  } finally {
    await place.remove();
  }
}

async function tryWholeJob(host, bin) {
  const { problems, era, said } = await doWholeJob(host, bin);
  say(`${problems.length === 0 ? 'ok  ' : 'FAIL'}   does the whole job, in ${era}`);
  if (problems.length === 0) return;
  failed += 1;
  quote(`${problems.join('\n')}\n\n${said.slice(-3000)}`);
}

for (const [title, host] of Object.entries(hosts)) {
  if (only.length > 0 && !only.includes(host.bin)) continue;
  const wanted = versions[title];
  const installed = await install(wanted, folder && join(folder, host.bin));
  say(`${title} (${wanted})`);
  try {
    const version = await (await makePlace(join(installed.bin, host.bin), {})).host(['--version']);
    if (!/\d+\.\d+\.\d+/.test(version)) {
      failed += 1;
      say('FAIL   is installed and starts');
      quote(`${installed.said.slice(-500)}\n${version.slice(-500)}`);
      continue;
    }
    await tryListing(host, installed.bin);
    await tryWholeJob(host, installed.bin);
  } finally {
    await installed.remove();
  }
}
say(failed === 0 ? 'All hosts list the tools and do the whole job.' : `${failed} failed.`);
process.exitCode = failed === 0 ? 0 : 1;
