/** Waiting for a person: what has happened is told, and nothing that fails is lost. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import { createClock } from '../../src/host/clock.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import type { RecordStore } from '../../src/session/ports.ts';
import { shownUrl } from '../../src/shown-url.ts';
import { finishedSignIn, type SignIn } from '../../src/sign-in/sign-in.ts';
import { type AskPerson, waitForPerson } from '../../src/sign-in/waiting.ts';
import { oauthSession } from '../session/machine.ts';
import { temporaryFolder } from '../support/mcp-server.ts';
import { failureOf } from '../support/resource-loopback.ts';
import { openSessionRoom } from '../support/session-room.ts';

const clock = createClock();
const session = oauthSession('https://app.example.com/', 'A', 'https://acme.example.com');
const nobody: AskPerson = async () => 'shown';
const declines: AskPerson = async () => 'declined';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** One that has begun just now and that nobody ends. */
function open(more: Partial<SignIn> = {}): SignIn {
  const begun = finishedSignIn({ ...session, obtainedAt: clock.now() }, 'acme.example.com');
  return {
    ...begun,
    authorizationUrl: shownUrl(new URL('https://acme.example.com/authorize')),
    mine: true,
    outcome: new Promise(() => {}),
    ...more,
  };
}

function failed(error: AccessError): Promise<never> {
  const outcome = Promise.reject(error);
  outcome.catch(() => {});
  return outcome;
}

describe('a call that does not wait', () => {
  it('is told of a sign-in that is done already', async () => {
    const signIn = finishedSignIn(session, 'acme.example.com');
    const waited = await waitForPerson(signIn, clock, { waitMs: 0, askPerson: nobody });
    expect(waited).toEqual({ session });
  });

  it('is told of one that has failed already', async () => {
    const error = new AccessError('sign_in_declined', 'The person declined.', [{ do: 'stop' }]);
    const waiting = waitForPerson(open({ outcome: failed(error) }), clock, {
      waitMs: 0,
      askPerson: nobody,
    });
    expect(await failureOf(waiting)).toBe(error);
  });

  it('leaves one that is open at once', async () => {
    const waited = await waitForPerson(open(), clock, { waitMs: 0, askPerson: nobody });
    expect(waited).toEqual({ shown: true });
  });
});

describe('a call that waits', () => {
  it('ends at once where the person cannot be asked', async () => {
    const askPerson: AskPerson = async () => {
      throw new Error('no browser');
    };
    const waited = await waitForPerson(open(), clock, { waitMs: 60_000, askPerson });
    expect(waited).toEqual({ shown: false });
  });

  it('is told that the person declined, though the sign-in could not be closed', async () => {
    const reason = new AccessError('store_unavailable', 'The disk is full.', [
      { do: 'repair_folder', folder: '/data' },
    ]);
    const signIn = open({ abandon: () => Promise.reject(reason) });
    const error = await failureOf(
      waitForPerson(signIn, clock, { waitMs: 60_000, askPerson: declines }),
    );
    expect(error).toMatchObject({ code: 'sign_in_declined', cause: reason });
    expect(error.message).toContain('app.example.com');
    expect(error.message).toContain('The disk is full.');
  });

  it('is told so by the whole room, when the disk does not take the end of the sign-in', async () => {
    const sandbox = await startSandbox();
    const folder = await temporaryFolder();
    cleanUps.push(sandbox.close, () => rm(folder, { recursive: true, force: true }));
    const wrapStore = (store: RecordStore): RecordStore => ({
      ...store,
      async write(kind, key, record) {
        if ('failure' in record) {
          throw new AccessError('store_unavailable', 'The disk is full.', [
            { do: 'repair_folder', folder: '/data' },
          ]);
        }
        await store.write(kind, key, record);
      },
    });
    const room = openSessionRoom({ dataDir: join(folder, 'data'), wrapStore });
    cleanUps.push(room.close);
    const url = sandbox.applications['managed-oauth'].url;
    const asking = room.access.authenticate(url, {
      method: 'auto',
      force: false,
      waitMs: 60_000,
      askPerson: declines,
    });
    expect(await failureOf(asking)).toMatchObject({ code: 'sign_in_declined' });
  });
});
