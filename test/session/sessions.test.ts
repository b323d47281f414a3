/** A session is renewed once, whoever needs it, and never with the token that was refused (contract §5). */
import { expect, it } from 'vitest';
import type { Session } from '../../src/session/records.ts';
import { peerForEachTest } from '../support/peer.ts';
import { sendJson } from '../support/resource-loopback.ts';
import { machineForEachTest, oauthSession } from './machine.ts';

const resource = 'https://app.example.com/';
const machine = machineForEachTest();
/** Gives B for A's refresh token, C for B's, and so on. */
const successors: Record<string, string> = { A: 'B', B: 'C', C: 'D' };
const peer = peerForEachTest(({ form }, response) => {
  const spent = form.get('refresh_token')?.replace('refresh-of-', '') ?? '';
  const accessToken = successors[spent] ?? '';
  sendJson(response, {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: `refresh-of-${accessToken}`,
  });
});
const session = (accessToken: string) => oauthSession(resource, accessToken, peer.origin);
const spent = () => peer.asked.map(({ form }) => form.get('refresh_token'));
const tokens = (all: readonly (Session | undefined)[]) => all.map((one) => one?.accessToken);

it('gives nobody the token that they had refused, whoever asks for another one meanwhile', async () => {
  await machine.store.write('session', resource, session('B'));
  const { renew } = machine.sessions(peer.fetch);
  const [afterA, afterB] = await Promise.all([renew(session('A')), renew(session('B'))]);
  // A's successor is on disk; B's has to be asked for.
  expect(tokens([afterA, afterB])).toEqual(['B', 'C']);
  expect(spent()).toEqual(['refresh-of-B']);
  expect((await machine.store.read('session', resource))?.accessToken).toBe('C');
});

it('gives the successor to those who ask later with an older token', async () => {
  await machine.store.write('session', resource, session('B'));
  const { renew } = machine.sessions(peer.fetch);
  const got = await Promise.all([renew(session('B')), renew(session('A')), renew(session('B'))]);
  expect(tokens(got)).toEqual(['C', 'C', 'C']);
  expect(spent()).toEqual(['refresh-of-B']);
});

it('spends one refresh token for all who had the same token refused', async () => {
  await machine.store.write('session', resource, session('A'));
  const [one, other] = [machine.sessions(peer.fetch), machine.sessions(peer.fetch)];
  const renewals = Array.from({ length: 20 }, (_, at) =>
    (at % 2 === 0 ? one : other).renew(session('A')),
  );
  expect(new Set(tokens(await Promise.all(renewals)))).toEqual(new Set(['B']));
  expect(spent()).toEqual(['refresh-of-A']);
});

it('comes to an end where the server gives the refused token again', async () => {
  peer.answer = (_, response) =>
    sendJson(response, { access_token: 'B', token_type: 'Bearer', expires_in: 3600 });
  await machine.store.write('session', resource, session('B'));
  const { renew } = machine.sessions(peer.fetch);
  const got = await Promise.all([renew(session('A')), renew(session('B')), renew(session('B'))]);
  expect(tokens(got)).toEqual(['B', 'B', 'B']);
  expect(spent()).toEqual(['refresh-of-B']);
});

it('lets a caller leave, and keeps the new token all the same (SECURITY.md, 6)', async () => {
  const usual = peer.answer;
  let answerNow = () => {};
  peer.answer = (asked, response) => {
    answerNow = () => usual(asked, response);
  };
  await machine.store.write('session', resource, session('A'));
  const { renew } = machine.sessions(peer.fetch);
  const leaving = renew(session('A'), AbortSignal.timeout(200));
  const staying = renew(session('A'));
  await expect(leaving).rejects.toMatchObject({ code: 'timeout' });
  expect(spent()).toEqual(['refresh-of-A']);
  answerNow();
  expect((await staying)?.accessToken).toBe('B');
  expect((await machine.store.read('session', resource))?.accessToken).toBe('B');
});
