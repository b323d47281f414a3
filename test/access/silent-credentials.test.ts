/** What a target's guard can be answered with without a person, and what is not offered twice. */
import { beforeEach, expect, it } from 'vitest';
import { createSilentCredentials } from '../../src/access/silent-credentials.ts';
import type { Session } from '../../src/session/records.ts';
import { sessionCredential } from '../../src/session/resource-credential.ts';
import { resourceOf } from '../../src/sign-in/target.ts';
import { machineForEachTest, oauthSession } from '../session/machine.ts';
import { peerForEachTest } from '../support/peer.ts';
import { sendJson } from '../support/resource-loopback.ts';
import { oauthTarget, transferTarget } from './answers.ts';

const machine = machineForEachTest();
const peer = peerForEachTest((_, response) =>
  sendJson(response, { access_token: 'renewed', token_type: 'Bearer', expires_in: 3600 }),
);
const transfer = transferTarget(true);
const expiresAt = Date.now() + 3_600_000;

let cloudflared: string | undefined;
let organisation: string | undefined;
beforeEach(() => {
  cloudflared = undefined;
  organisation = undefined;
});

const ofApplication = (accessToken: string): Session => {
  const { grant: _, ...session } = oauthSession(resourceOf(transfer), accessToken, peer.origin);
  return { ...session, method: 'browser_transfer' };
};

function open() {
  return createSilentCredentials({
    sessions: machine.sessions(peer.fetch),
    transferSignIns: {
      borrow: async ({ resource }) =>
        cloudflared === undefined ? undefined : { resource, jwt: cloudflared, expiresAt },
      exchange: async () => (organisation === undefined ? undefined : ofApplication(organisation)),
    },
  });
}

const keep = (session: Session) => machine.store.write('session', session.resource, session);

it('is a session that another process has stored, before all others', async () => {
  cloudflared = 'of-cloudflared';
  await keep(ofApplication('stored'));
  expect(await open().find(transfer, undefined)).toMatchObject({
    method: 'browser_transfer',
    credential: { jwt: 'stored' },
  });
});

it('is that session renewed, when it has expired', async () => {
  const session = oauthSession(resourceOf(oauthTarget), 'stale', peer.origin);
  await keep({ ...session, expiresAt: Date.now() - 1_000 });
  expect(await open().find(oauthTarget, undefined)).toMatchObject({
    credential: { accessToken: 'renewed' },
  });
  expect(peer.asked).toHaveLength(1);
});

it('is not the session that was refused', async () => {
  const refused = oauthSession(resourceOf(oauthTarget), 'refused', peer.origin);
  await keep(refused);
  expect(await open().find(oauthTarget, sessionCredential(refused))).toBeUndefined();
});

it('is cloudflared’s token next, unless that was refused', async () => {
  cloudflared = 'of-cloudflared';
  organisation = 'exchanged';
  const credentials = open();
  const found = await credentials.find(transfer, undefined);
  expect(found).toMatchObject({ method: 'cloudflared', credential: { jwt: 'of-cloudflared' } });
  expect(await credentials.find(transfer, found)).toMatchObject({
    method: 'browser_transfer',
    credential: { jwt: 'exchanged' },
  });
});

it('is nothing of the team’s where the resource has an authorization server of its own', async () => {
  cloudflared = 'of-cloudflared';
  organisation = 'exchanged';
  const credentials = open();
  expect(await credentials.find(oauthTarget, undefined)).toBeUndefined();
  expect(await credentials.cloudflared(oauthTarget)).toBeUndefined();
});
