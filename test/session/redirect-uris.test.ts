/** What applications have refused is remembered for each resource and port, on the real disk. */
import { beforeEach, expect, it } from 'vitest';
import { createRedirectUris, type RedirectUris } from '../../src/session/redirect-uris.ts';
import { machineForEachTest } from './machine.ts';

const machine = machineForEachTest();
let redirectUris: RedirectUris;
beforeEach(() => {
  redirectUris = createRedirectUris({ store: machine.store });
});

const wiki = 'https://wiki.example.com/';
const [localhost, loopback] = ['http://localhost:8400/callback', 'http://127.0.0.1:8400/callback'];

it('prefers localhost where nothing is known', async () => {
  expect(await redirectUris.choose(wiki, 8400)).toEqual([localhost, loopback]);
  expect(await redirectUris.areAllRefused(wiki)).toBe(false);
});

it('leaves out what the resource has refused, at that port and there alone', async () => {
  await redirectUris.refuse(wiki, localhost);
  expect(await redirectUris.choose(wiki, 8400)).toEqual([loopback]);
  expect(await redirectUris.isRefused(wiki, localhost)).toBe(true);
  expect(await redirectUris.areAllRefused(wiki)).toBe(false);
  expect(await redirectUris.choose(wiki, 8401)).toHaveLength(2);
  expect(await redirectUris.choose('https://other.example.com/', 8400)).toHaveLength(2);
});

it('knows when both are refused, and starts afresh with the next choice', async () => {
  await redirectUris.refuse(wiki, localhost);
  await redirectUris.refuse(wiki, loopback);
  expect(await redirectUris.areAllRefused(wiki)).toBe(true);
  expect(await redirectUris.choose(wiki, 8400)).toEqual([localhost, loopback]);
  expect(await redirectUris.areAllRefused(wiki)).toBe(false);
});

it('is told so for the port that was tried last', async () => {
  await redirectUris.refuse(wiki, localhost);
  await redirectUris.refuse(wiki, loopback);
  await redirectUris.refuse(wiki, 'http://localhost:8401/callback');
  expect(await redirectUris.areAllRefused(wiki)).toBe(false);
});
