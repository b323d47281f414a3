/** `status`: lists the stored sessions, without any token. */
import type { Command } from 'commander';
import { instant } from '../instant.ts';
import type { Rooms } from '../rooms.ts';
import type { PendingSignIn, Session } from '../session/records.ts';
import { conclude } from './terminal/conclude.ts';
import { whenFrom } from './terminal/durations.ts';
import type { Shell } from './terminal/shell.ts';
import { table } from './terminal/table.ts';
import { withRooms } from './with-rooms.ts';

type State = 'active' | 'refreshable' | 'expired';

export function addStatus(program: Command, shell: Shell, end: (exitCode: number) => void): void {
  program
    .command('status')
    .summary('list the sessions on this machine')
    .description(
      'Lists the sessions on this machine and the open sign-ins. Prints no token and sends no request.',
    )
    .option('--json', 'print one JSON object: {"data_dir", "sessions", "sign_ins"}')
    .action(async ({ json }: { json?: true }) => {
      const work = () => withRooms(shell, ({ rooms }) => run(shell, rooms, json === true));
      end(await conclude(shell, { json }, work));
    });
}

async function run(shell: Shell, rooms: Rooms, json: boolean): Promise<number> {
  const { access, store, clock, dataDir } = rooms;
  const now = clock.now();
  const sessions = (await access.sessions.list()).sort((a, b) =>
    a.resource < b.resource ? -1 : 1,
  );
  const pending = (await store.list('pending')).filter(
    ({ failure, expiresAt }) => failure === undefined && expiresAt > now,
  );
  const stateOf = (session: Session): State => {
    if (access.sessions.isFresh(session)) return 'active';
    return session.grant?.refreshToken === undefined ? 'expired' : 'refreshable';
  };
  if (json) {
    const result = {
      data_dir: dataDir,
      memory_only: access.memoryOnly() ?? null,
      sessions: sessions.map((session) => ({ ...publicPart(session), state: stateOf(session) })),
      sign_ins: pending.map(({ resource, method, startedAt, expiresAt }) => ({
        resource,
        method,
        started_at: instant(startedAt),
        expires_at: instant(expiresAt),
      })),
    };
    shell.out.line(JSON.stringify(result));
    return 0;
  }
  print(shell, sessions, pending, stateOf, now);
  const trouble = access.memoryOnly();
  const { err } = shell;
  err.line(trouble ? err.paint('yellow', trouble) : err.paint('dim', `stored in ${dataDir}`));
  return 0;
}

function publicPart(session: Session): Record<string, unknown> {
  const { resource, method, obtainedAt, expiresAt, grant, teamDomain } = session;
  return {
    resource,
    method,
    obtained_at: instant(obtainedAt),
    expires_at: instant(expiresAt),
    issuer: grant?.issuer ?? null,
    team_domain: teamDomain ?? null,
    scope: grant?.scope ?? null,
  };
}

function print(
  { out }: Shell,
  sessions: readonly Session[],
  pending: readonly PendingSignIn[],
  stateOf: (session: Session) => State,
  now: number,
): void {
  if (sessions.length === 0) out.line('Nobody is signed in: cloudflare-access-mcp login <url>');
  else {
    const rows = sessions.map((session) => {
      const { resource, method, expiresAt, grant, teamDomain } = session;
      const when = expiresAt === undefined ? 'when it is refused' : whenFrom(now, expiresAt);
      const [state, style] = {
        active: ['active', 'green'] as const,
        refreshable: ['refreshable', 'green'] as const,
        expired: ['sign in again', 'yellow'] as const,
      }[stateOf(session)];
      return [
        { text: resource },
        { text: method.replace(/_/g, ' ') },
        { text: when },
        { text: state, style },
        { text: grant ? new URL(grant.issuer).host : (teamDomain ?? '') },
      ];
    });
    const head = ['Resource', 'Method', 'Token expires', 'State', 'Signed in at'];
    for (const line of table(out, head, rows)) out.line(line);
  }
  for (const { resource, expiresAt } of pending) {
    out.line(`A sign-in for ${resource} is open; it expires ${whenFrom(now, expiresAt)}.`);
  }
}
