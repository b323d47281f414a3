/** A resource that hosts can show: where the person is signed in, without any token. */
import type { Access } from '../access/access.ts';
import { instant } from '../instant.ts';

export const sessionsResource = {
  uri: 'cloudflare-access://sessions',
  name: 'sessions',
  title: 'Cloudflare Access sessions',
  description: 'The resources that the person is signed in to, how, and until when. No tokens.',
  mimeType: 'application/json',
} as const;

export async function readSessions({ sessions }: Access): Promise<string> {
  const listed = (await sessions.list()).map((session) => ({
    resource: session.resource,
    method: session.method,
    state:
      sessions.isFresh(session) || session.grant?.refreshToken !== undefined ? 'active' : 'expired',
    expires_at: instant(session.expiresAt),
  }));
  return JSON.stringify(listed.sort((one, other) => one.resource.localeCompare(other.resource)));
}
