/** A data folder that cannot be used: whoever gets a session that only this process has is told (contract §5). */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
let place: string;
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  place = await temporaryFolder();
  cleanUps.push(() => rm(place, { recursive: true, force: true }));
  sandbox = await startSandbox();
  cleanUps.push(() => sandbox.close());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(dataDir: string): Promise<void> {
  server = await startServer({ dataDir, cwd: place });
  cleanUps.push(() => server.close());
}
const url = (name: 'managed-oauth' | 'bypass') =>
  new URL('/echo', sandbox.applications[name].url).href;
const fetchSignedIn = async () => {
  const fetching = server.call('access_fetch', { url: url('managed-oauth') });
  await signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');
  return fetching;
};

it('says so in every result that needed the session, a saved file’s too, and in no other', async () => {
  const dataDir = join(place, 'data');
  await writeFile(dataDir, 'a file in its place');
  await start(dataDir);
  const why = `Sessions are kept in memory only, because ${dataDir} is not a folder.`;
  expect((await fetchSignedIn()).json).toMatchObject({ status: 200, auth: 'oauth', note: why });
  const again = { url: url('managed-oauth'), save_to: 'saved' };
  expect((await server.call('access_fetch', again)).json).toMatchObject({ note: why });
  expect(await readFile(join(place, 'saved'), 'utf8')).not.toBe('');
  const signedIn = await server.call('authenticate', { url: url('managed-oauth') });
  expect(signedIn.json.next_step).toContain(why);
  const open = await server.call('access_fetch', { url: url('bypass') });
  expect(open.json).toMatchObject({ status: 200, auth: 'none' });
  expect(open.json.note).toBeUndefined();
  expect(await readFile(dataDir, 'utf8')).toBe('a file in its place');
});

it('says nothing where sessions are on disk', async () => {
  await start(join(place, 'data'));
  const { json } = await fetchSignedIn();
  expect(json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(json.note).toBeUndefined();
});
