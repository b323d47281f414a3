// Tries the built server in real hosts: `npm run test:hosts`, or `-- claude codex` for some of them.
// Each host is installed from npm, lists the tools, and does the whole job with a scripted model.
// No account is needed. `--folder PATH` keeps what is installed for the next time.
// Then the same with the plugin, as it is assembled: the host checks it, installs it and works with it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { hosts } from './hosts.js';
import { install, makePlace } from './place.js';
import { plugins } from './plugins.js';
import { reachRemote } from './remote.js';
import { doWholeJob } from './whole-job.js';

const versions = JSON.parse(await readFile(new URL('./versions.json', import.meta.url), 'utf8'));
const {
  positionals: only,
  values: { folder },
} = parseArgs({ allowPositionals: true, options: { folder: { type: 'string' } } });

const say = (text) => process.stdout.write(`${text}\n`);
const quote = (text) => say(text.replace(/^/gm, '     | '));
let failed = 0;

async function tryListing(host, bin, installed) {
  const place = await makePlace(join(bin, host.bin), {}, { plugin: installed !== undefined });
  try {
    if (installed) await installed.plugin.register(place, installed.made);
    else await host.register(place);
    const said = await host.list(place);
    const passed = await place.passed();
    const asked = passed.filter(({ from }) => from === 'host').map(({ method }) => method);
    const tools = new Set(
      passed.flatMap(({ result }) => (result?.tools ?? []).map(({ name }) => name)),
    );
    const says = installed?.plugin.lists ?? host.says;
    const isFine = says.test(said) && (tools.size === 0 || tools.size === 4);
    const heard = [...new Set(asked.filter(Boolean))].join(', ') || 'no server for this command';
    say(`${isFine ? 'ok  ' : 'FAIL'}   lists: ${heard}`);
    if (isFine) return;
    failed += 1;
    quote(said.slice(-1500));
  } finally {
    await place.remove();
  }
}

async function tryWholeJob(host, bin, installed) {
  const { problems, era, said } = await doWholeJob(host, bin, installed);
  say(`${problems.length === 0 ? 'ok  ' : 'FAIL'}   does the whole job, in ${era}`);
  if (problems.length === 0) return;
  failed += 1;
  quote(`${problems.join('\n')}\n\n${said.slice(-3000)}`);
}

async function tryRemote(host, bin) {
  if (!host.remote) return;
  const { problems, said } = await reachRemote(host, bin);
  const what = `reaches a remote MCP server by ${host.remote.by}`;
  say(`${problems.length === 0 ? 'ok  ' : 'FAIL'}   ${what}`);
  if (problems.length === 0) return;
  failed += 1;
  quote(`${problems.join('\n')}\n\n${said.slice(-3000)}`);
}

/** The README's own line, which names npx: the host's settings then hold that command. */
async function tryLine({ bin: name }, bin) {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const line = new RegExp(`^${name} mcp add .*?(?=\\s+#)`, 'm').exec(readme)?.[0];
  if (line === undefined) return;
  const place = await makePlace(join(bin, name), {});
  try {
    const said = await place.host(line.split(' ').slice(1));
    const settings = {
      claude: '.claude.json',
      codex: '.codex/config.toml',
      gemini: '.gemini/settings.json',
    };
    const text = await readFile(join(place.home, settings[name]), 'utf8').catch(() => '');
    const isThere = /"npx"[\s\S]*"-y",\s*"cloudflare-access-mcp"/.test(text);
    say(`${isThere ? 'ok  ' : 'FAIL'}   takes the README’s line`);
    if (isThere) return;
    failed += 1;
    quote(`${said.slice(-1000)}\n${text.slice(-1000)}`);
  } finally {
    await place.remove();
  }
}

async function tryCheck(host, bin, { plugin, made }) {
  const place = await makePlace(join(bin, host.bin), {});
  try {
    const said = await plugin.check(place, made);
    const isFine = plugin.fine.test(said);
    say(`${isFine ? 'ok  ' : 'FAIL'}   is valid to the host’s own check`);
    if (isFine) return;
    failed += 1;
    quote(said.slice(-1500));
  } finally {
    await place.remove();
  }
}

const made = await mkdtemp(join(tmpdir(), 'cloudflare-access-made-'));
const assemble = new URL('../../packaging/assemble.js', import.meta.url).pathname;
await promisify(execFile)(process.execPath, [assemble, '--out', made]);

for (const [title, host] of Object.entries(hosts)) {
  if (only.length > 0 && !only.includes(host.bin)) continue;
  const wanted = versions[title];
  const installed = await install(wanted, folder && join(folder, host.bin));
  say(`${title} (${wanted})`);
  try {
    const looking = await makePlace(join(installed.bin, host.bin), {});
    const version = await looking.host(['--version']);
    await looking.remove();
    if (!/\d+\.\d+\.\d+/.test(version)) {
      failed += 1;
      say('FAIL   is installed and starts');
      quote(`${installed.said.slice(-500)}\n${version.slice(-500)}`);
      continue;
    }
    await tryLine(host, installed.bin);
    await tryListing(host, installed.bin);
    await tryWholeJob(host, installed.bin);
    await tryRemote(host, installed.bin);
    for (const plugin of plugins[title] ?? []) {
      say(`${title}: ${plugin.title}`);
      const given = { plugin, made };
      if (plugin.check) await tryCheck(host, installed.bin, given);
      await tryListing(host, installed.bin, given);
      if (plugin.works) await tryWholeJob(host, installed.bin, given);
    }
  } finally {
    await installed.remove();
  }
}
await rm(made, { recursive: true, force: true });
say(failed === 0 ? 'All hosts list the tools and do the whole job.' : `${failed} failed.`);
process.exitCode = failed === 0 ? 0 : 1;
