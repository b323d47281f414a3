/**
 * Limits how many sign-ins may be begun in ten minutes: a host can name any number of resources, each with
 * a browser tab of its own, and some servers redirect back without a click. Counted on disk, across all
 * processes of the person. Joining an open sign-in does not count.
 */
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import type { Clock, Lock, RecordStore } from '../session/ports.ts';

/**
 * Throws `sign_in_pending` when the resource's host, or the server that signs people in, has had too many.
 */
export type AdmitSignIn = (request: {
  readonly resource: string;
  /** The host that signs the person in. */
  readonly at: string;
}) => Promise<void>;

const windowMs = 10 * 60_000;
/** An application needs one or two; a host with several applications under paths needs a few more. */
const mostForHost = 12;
/** Enough to sign in to a team's applications one after the other. */
const mostAtServer = 24;
/** Only a host that names many servers gets this far without meeting the other two limits. */
const mostKept = 500;

export function createSignInAllowance({
  store,
  lock,
  clock,
}: {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
}): AdmitSignIn {
  return ({ resource, at }) =>
    lock.hold('sign-ins begun', async () => {
      const host = hostOf(new URL(resource));
      const now = clock.now();
      const kept = (await store.read('begun', 'all'))?.begun ?? [];
      const recent = kept.filter((one) => one.at <= now && now - one.at < windowMs);
      const forHost = recent.filter((one) => one.host === host);
      const atServer = recent.filter((one) => one.server === at);
      const full = [
        ...(forHost.length >= mostForHost ? [{ these: forHost, where: `for ${host}` }] : []),
        ...(atServer.length >= mostAtServer ? [{ these: atServer, where: `at ${at}` }] : []),
        ...(recent.length >= mostKept ? [{ these: recent, where: 'here' }] : []),
      ][0];
      if (full) throw tooMany(full.where, full.these, now);
      await store.write('begun', 'all', {
        format: 1,
        begun: [...recent, { at: now, host, server: at }],
      });
    });
}

/** A host's ports all belong to the same host; on loopback, each port may be another program. */
function hostOf(resource: URL): string {
  return isLoopback(resource) ? resource.host : resource.hostname;
}

function tooMany(where: string, these: readonly { at: number }[], now: number): AccessError {
  const freeInMs = Math.min(...these.map(({ at }) => at)) + windowMs - now;
  return new AccessError(
    'sign_in_pending',
    `${these.length} sign-ins ${where} were started in the last ten minutes. No more are for now, since a host could fill the browser with tabs.`,
    [
      { do: 'join_open_sign_in' },
      { when: 'otherwise', do: 'retry', afterSeconds: Math.max(1, Math.ceil(freeInMs / 1000)) },
    ],
  );
}
