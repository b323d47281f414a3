// A host does the whole job with a scripted model, against the sandbox, and a person at a browser
// stand-in. What counts is what the sandbox saw, what the browser was asked to open, and what the
// model was shown.
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { createJob } from './job.js';
import { startModel } from './model/server.js';
import { makePlace } from './place.js';
import { skillSays } from './plugins.js';

/** The sandbox's own parts, so that it can be asked what it saw. */
export async function loadSandbox() {
  const folder = await mkdtemp(join(tmpdir(), 'cloudflare-access-sandbox-'));
  const outfile = join(folder, 'sandbox.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('sandbox.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
    logLevel: 'error',
    banner: {
      js: "import{createRequire as __c}from'node:module';const require=__c(import.meta.url);",
    },
  });
  const loaded = await import(pathToFileURL(outfile).href);
  await rm(folder, { recursive: true, force: true });
  return loaded;
}

export const linesOf = async (file) =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

/** Signs in whatever the browser is asked to open, as it is asked. */
export function sitAtTheBrowser(opened, signIn) {
  let seen = 0;
  let busy = Promise.resolve();
  const timer = setInterval(() => {
    busy = busy.then(async () => {
      const urls = (await linesOf(opened)).slice(seen);
      seen += urls.length;
      for (const url of urls) await signIn(url);
    });
  }, 50);
  return async () => {
    clearInterval(timer);
    await busy;
  };
}

/** Everything secret that there was: what requests carried, and what the sessions hold. */
export async function secretsOf(sandbox, dataDir) {
  const secrets = new Set([sandbox.serviceToken.clientSecret]);
  const fields = ['authorization', 'cf-access-token', 'cf-access-client-secret', 'cookie'];
  for (const { headers } of sandbox.requests) {
    for (const field of fields) {
      const value = headers[field];
      for (const part of String(value ?? '').split(/Bearer |CF_Authorization=|[;\s]+/)) {
        if (part.length >= 20) secrets.add(part);
      }
    }
  }
  const files = await readdir(dataDir, { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile() && each.name.endsWith('.json'))) {
    const text = await readFile(join(file.parentPath ?? file.path, file.name), 'utf8');
    for (const [, value] of text.matchAll(
      /"\w*(?:[tT]oken|[jJ]wt|Verifier|Secret)":"([^"]{20,})"/g,
    )) {
      secrets.add(value);
    }
  }
  return [...secrets];
}

/**
 * @param {import('./hosts.js').Host} host
 * @param {string} bin
 * @param {{ plugin: import('./plugins.js').Plugin, made: string }} [installed] in the place of an entry
 * @returns {Promise<{ problems: string[], era: string, said: string }>}
 */
export async function doWholeJob(host, bin, installed) {
  const { startSandbox, signInAs } = await loadSandbox();
  const sandbox = await startSandbox();
  const job = createJob(sandbox, installed?.plugin.prefix ?? 'mcp__cloudflare-access');
  const model = await startModel(job.play);
  const files = await mkdtemp(join(tmpdir(), 'cloudflare-access-job-'));
  const [browser, opened, dataDir] = ['browser', 'opened', 'data'].map((name) => join(files, name));
  const visit = fileURLToPath(new URL('../support/browser-visit.js', import.meta.url));
  await writeFile(browser, `#!/bin/sh\nexec '${process.execPath}' '${visit}' '${opened}' "$1"\n`);
  await chmod(browser, 0o755);
  const settings = {
    BROWSER: browser,
    CF_ACCESS_DATA_DIR: dataDir,
    CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
    CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
    CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
    CF_ACCESS_HOSTS: 'localhost',
    CF_ACCESS_HEADLESS: '0',
  };
  const place = await makePlace(join(bin, host.bin), settings, { plugin: installed !== undefined });
  const leaveTheBrowser = sitAtTheBrowser(opened, (url) => signInAs(url, sandbox.people[0]));
  try {
    if (installed) await installed.plugin.register(place, installed.made);
    else await host.register(place);
    const said = await host.work({ ...place, prefix: installed?.plugin.prefix }, model.origin);
    const { problems } = job;
    if (installed && !JSON.stringify(model.shown.map(({ body }) => body)).includes(skillSays)) {
      problems.push('the model was not told of the skill');
    }
    if (!job.isDone()) problems.push('the job was not done');
    const tabs = await linesOf(opened);
    if (tabs.length !== 2) problems.push(`${tabs.length} tabs instead of one for each sign-in`);
    const count = (what) => sandbox.requests.filter((request) => request.what === what).length;
    if (count('token:authorization_code') !== 1) problems.push('not one code was redeemed');
    if (count('registration') !== 1) problems.push('not one client was registered');
    const toServiceAuth = sandbox.requests.filter(({ host }) => host === 'service-auth');
    if (!toServiceAuth.some(({ headers }) => headers['cf-access-client-secret'])) {
      problems.push('the service token was not sent where it opens');
    }
    const shown = JSON.stringify(model.shown.map(({ body }) => body));
    for (const secret of await secretsOf(sandbox, dataDir)) {
      if (shown.includes(secret)) problems.push(`the model was shown ${secret.slice(0, 8)}…`);
    }
    const passed = await place.passed();
    return { problems, said, era: eraOf(passed) };
  } finally {
    await leaveTheBrowser();
    model.close();
    await place.remove();
    await rm(files, { recursive: true, force: true });
    await sandbox.close();
  }
}

/** The revision in which the tools were called. */
function eraOf(passed) {
  const call = passed.find(({ method }) => method === 'tools/call');
  const version = call?.params?._meta?.['io.modelcontextprotocol/protocolVersion'];
  if (version !== undefined) return version;
  return passed.find(({ result }) => result?.protocolVersion)?.result.protocolVersion ?? 'none';
}
