/**
 * `logout`: revokes tokens at the server (RFC 7009) and removes them here; with --all, everything except
 * client registrations.
 */
import type { Command } from 'commander';
import { isAccessError } from '../errors.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/records.ts';
import { besideKey, keysCovering } from '../session/resource-key.ts';
import { address } from './terminal/address.ts';
import { conclude } from './terminal/conclude.ts';
import type { Shell } from './terminal/shell.ts';
import { stepForPeople } from './terminal/step-for-people.ts';
import { withRooms } from './with-rooms.ts';

interface Ended {
  readonly resource: string;
  /** `unsupported`: the server offers no revocation; `failed`: it did not confirm it. */
  readonly revocation: 'confirmed' | 'unsupported' | 'failed';
  readonly why?: string;
}

export function addLogout(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  const command = program
    .command('logout')
    .argument('[url]', 'any URL of the application')
    .summary('end a session, or all of them')
    .description(
      `Ends the session for the URL, or with --all every session, open sign-in and team login on this machine: tokens are revoked at the server if it supports that, and removed from this machine. Client registrations stay, since Access cannot delete them; on their own they give no access. Exit code 1 when a server did not confirm a revocation.`,
    )
    .option('--all', 'end all sessions')
    .option('--json', 'print one JSON object: {"ended": [{"resource", "revocation"}], "removed"}');
  command.action(async (text: string | undefined, options: { all?: true; json?: true }) => {
    if ((text === undefined) === (options.all === undefined)) {
      command.error('error: give either a URL or --all');
    }
    const { json } = options;
    const work = () => {
      const url = text === undefined ? undefined : address(text);
      return withRooms(shell, ({ rooms }) => run(shell, rooms, url, json === true));
    };
    end(await conclude(shell, { json }, work));
  });
}

async function run(
  shell: Shell,
  rooms: Rooms,
  url: URL | undefined,
  json: boolean,
): Promise<number> {
  const { access, store } = rooms;
  const found = url ? await access.sessions.find(url) : undefined;
  const beside = url && (await access.sessions.find(url, 'beside'));
  const sessions = url
    ? [found, beside].filter((each) => each !== undefined)
    : await access.sessions.list();
  const ended: Ended[] = [];
  for (const session of sessions) ended.push(await leave(rooms, shell, session));
  const removed = { sign_ins: 0, team_logins: 0 };
  const keys = url && keysCovering(url);
  for (const { resource } of await store.list('pending')) {
    if (keys && !keys.some((key) => key === resource || besideKey(key) === resource)) continue;
    await store.remove('pending', resource);
    removed.sign_ins += 1;
  }
  const teams = await store.list('org');
  for (const { teamDomain } of url ? [] : teams) {
    await store.remove('org', teamDomain);
    removed.team_logins += 1;
  }
  if (json) shell.out.line(JSON.stringify({ ended, removed }));
  else {
    print(shell, ended, removed, url);
    const team = teams.find(({ teamDomain }) => teamDomain === found?.teamDomain);
    if (url && team) {
      shell.out.line(
        `You are still signed in at ${team.teamDomain}, so this application can be reached again without your signing in; logout --all ends that too.`,
      );
    }
  }
  return ended.some(({ revocation }) => revocation === 'failed') ? 1 : 0;
}

/** The session is removed here whatever the server answers. */
async function leave({ access }: Rooms, { environment }: Shell, session: Session): Promise<Ended> {
  const { resource } = session;
  try {
    const confirmed = await access.sessions.leave(session);
    return { resource, revocation: confirmed ? 'confirmed' : 'unsupported' };
  } catch (error) {
    if (!isAccessError(error)) throw error;
    const advice = stepForPeople(error.nextStep, { environment, url: new URL(resource) });
    return { resource, revocation: 'failed', why: `${error.message} ${advice}` };
  }
}

function print(
  { out, err }: Shell,
  ended: readonly Ended[],
  removed: { sign_ins: number; team_logins: number },
  url: URL | undefined,
): void {
  for (const { resource, revocation, why } of ended) {
    const name = out.paint('bold', resource);
    if (revocation === 'confirmed') {
      out.line(`${out.paint('green', '✓')} Signed out of ${name}; the server confirmed it.`);
    } else if (revocation === 'unsupported') {
      out.line(
        `${out.paint('green', '✓')} Signed out of ${name} on this machine; its token cannot be revoked and stays valid until it expires.`,
      );
    } else {
      err.line(`${err.paint('yellow', '!')} Signed out of ${name} on this machine only: ${why}`);
    }
  }
  if (removed.sign_ins > 0) out.line(`Open sign-ins abandoned: ${removed.sign_ins}.`);
  if (removed.team_logins > 0) out.line(`Team logins removed: ${removed.team_logins}.`);
  if (ended.length + removed.sign_ins + removed.team_logins === 0) {
    out.line(url ? `There is no session for ${url.host}.` : 'There is nothing to sign out of.');
  }
}
