/**
 * How many sign-ins may be begun in ten minutes: a host can name any number of resources, each with a
 * tab of its own, and some servers send the browser back without a click. Counted on disk, for all
 * processes of the person together; joining one that is open costs nothing.
 */
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import type { Clock, Lock, RecordStore } from '../session/ports.ts';

/** Throws `sign_in_pending` when there have been too many for the resource's host, or at the server. */
export type AdmitSignIn = (request: {
  readonly resource: string;
  /** Who signs the person in: a host. */
  readonly at: string;
}) => Promise<void>;

const windowMs = 10 * 60_000;
/** An application is begun once or twice; a host that has them under paths, a few times more. */
const mostForHost = 12;
/** A team's applications one after the other. */
const mostAtServer = 24;
/** What is more than both allow together only comes from many servers. */
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

/** A host may answer on any port; on this machine each port is somebody else's. */
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
