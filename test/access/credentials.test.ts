/** The credential to send to a URL: its session, else cloudflared's token. */
import { expect, it } from 'vitest';
import { createCredentials } from '../../src/access/credentials.ts';
import { createGrantedTokens } from '../../src/access/service-tokens/granted.ts';
import type { Session } from '../../src/session/records.ts';
import type { ResourceCredential } from '../../src/session/resource-credential.ts';
import { machineForEachTest, oauthSession } from '../session/machine.ts';
import { peerForEachTest } from '../support/peer.ts';
import { failureOf, sendJson } from '../support/resource-loopback.ts';

const url = new URL('https://app.example.com/page');
const resource = 'https://app.example.com/';
const machine = machineForEachTest();
const peer = peerForEachTest((_, response) => sendJson(response, { error: 'invalid_grant' }, 400));

function open() {
  const { clock } = machine;
  const sessions = machine.sessions(peer.fetch);
  return createCredentials({ clock, sessions, granted: createGrantedTokens() });
}

const keep = (session: Session) => machine.store.write('session', resource, session);

function transferred(endsInMs: number): Session {
  const { grant: _, ...session } = oauthSession(resource, 'jwt-of-the-session', peer.origin);
  const now = Date.now();
  return {
    ...session,
    method: 'browser_transfer',
    obtainedAt: now - 3_600_000,
    expiresAt: now + endsInMs,
  };
}

const borrowed = (endsInMs = 3_600_000): ResourceCredential => ({
  credential: { kind: 'cf_access_token', jwt: 'jwt-of-cloudflared' },
  method: 'cloudflared',
  resource,
  identity: 'somebody',
  expiresAt: Date.now() + endsInMs,
});

it('is the session while it is fresh, whatever was borrowed', async () => {
  await keep(transferred(3_600_000));
  const credentials = open();
  credentials.remember(borrowed());
  expect(await credentials.find(url)).toMatchObject({ method: 'browser_transfer' });
});

it('is the borrowed token when the session has expired and cannot be renewed', async () => {
  await keep(transferred(-1_000));
  const credentials = open();
  expect(await credentials.find(url)).toBeUndefined();
  const token = borrowed();
  credentials.remember(token);
  expect(await credentials.find(url)).toEqual(token);
  credentials.forget(resource);
  expect(await credentials.find(url)).toBeUndefined();
});

it('is the borrowed token when the session’s grant is over', async () => {
  await keep({ ...oauthSession(resource, 'A', peer.origin), expiresAt: Date.now() - 1_000 });
  const credentials = open();
  const token = borrowed();
  credentials.remember(token);
  expect(await credentials.find(url)).toEqual(token);
  expect(peer.asked.map(({ form }) => form.get('refresh_token'))).toEqual(['refresh-of-A']);
});

it('is not the borrowed token when the renewal only failed for now', async () => {
  peer.answer = (_, response) => sendJson(response, {}, 503);
  await keep({ ...oauthSession(resource, 'A', peer.origin), expiresAt: Date.now() - 1_000 });
  const credentials = open();
  credentials.remember(borrowed());
  expect((await failureOf(credentials.find(url))).code).toBe('temporarily_unavailable');
});

it('is nothing when the borrowed token is about to end as well', async () => {
  await keep(transferred(-1_000));
  const credentials = open();
  credentials.remember(borrowed(2_000));
  expect(await credentials.find(url)).toBeUndefined();
});
