/**
 * A browser that takes its time to start, while the sign-in ends without it: the person opened the shown
 * address elsewhere. It must not find a closed port, and the port must not be held any longer for it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

const visit = fileURLToPath(new URL('../support/browser-visit.js', import.meta.url));

let sandbox: Sandbox;
let server: TestServer;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

/** Its program begins to start when `go` is called. */
async function heldBrowser() {
  const place = await temporaryFolder();
  const [program, seen, gate] = ['browser', 'seen', 'gate'].map((name) => join(place, name));
  if (!program || !seen || !gate) throw new Error('no names');
  const script = `#!/bin/sh\nuntil [ -e '${gate}' ]; do sleep 0.05; done\nexec '${process.execPath}' '${visit}' '${seen}' "$1"\n`;
  await writeFile(program, script, { mode: 0o755 });
  return { program, seen, go: () => writeFile(gate, '') };
}

it('is led to the sign-in that has ended meanwhile, and the port is given up after it', async () => {
  const browser = await heldBrowser();
  server = await startServer({ browser: browser.program });
  const url = sandbox.applications['managed-oauth'].url.href;
  const { json } = await server.call('authenticate', { url, wait_seconds: 0 });
  expect(json).toMatchObject({ status: 'pending' });
  const shown = String(json.authorization_url);
  const port = new URL(new URL(shown).searchParams.get('redirect_uri') ?? '').port;
  await signInAs(shown, sandbox.people[0] ?? '');
  expect((await server.call('authenticate', { url })).json).toMatchObject({
    status: 'authenticated',
  });
  // Longer than the pauses in which the port is looked at.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await browser.go();
  const read = () => readFile(browser.seen, 'utf8').catch(() => undefined);
  expect(await eventually(read)).toBe(`${shown}\n`);
  const refused = async () => {
    const failure = await fetch(`http://127.0.0.1:${port}/callback`).then(() => undefined, String);
    return failure === undefined ? undefined : true;
  };
  expect(await eventually(refused)).toBe(true);
});
