/** What every face is expected to say and to ask, where Access behaves as it does. */
import { expect } from 'vitest';
import type { ByFace, Face, Faces } from '../../support/faces.ts';

export const proof = ['signed_answer', 'certs'];
export const discovery = ['resource_metadata', 'server_metadata'];

/** Managed OAuth, one tab for each: the tools', the commands'. */
export const oauth: ByFace = {
  detect_protection: ['managed_oauth authorization_code', 'challenge', ...proof, ...discovery],
  get_token: ['sign_in_required', 'challenge'],
  authenticate: [
    'authenticated authorization_code, 1 tab',
    'challenge',
    'resource_metadata',
    'registration',
    'token:authorization_code',
  ],
  access_fetch: ['200 oauth', 'origin + Authorization'],
  'get_token, then': ['Authorization'],
  doctor: ['exit 0', 'challenge', ...discovery, 'challenge', ...proof, ...discovery],
  login: ['exit 0, 1 tab', 'challenge', ...discovery, 'registration', 'token:authorization_code'],
  fetch: ['exit 0', 'origin + Authorization'],
  token: ['exit 0'],
};

/** A browser transfer. */
export const transfer: ByFace = {
  detect_protection: ['browser_login browser_transfer', 'challenge', ...proof],
  get_token: ['sign_in_required', 'challenge'],
  authenticate: ['authenticated browser_transfer, 1 tab', 'challenge'],
  access_fetch: ['200 cf_access_token', 'origin + JWT'],
  'get_token, then': ['cf-access-token'],
  doctor: ['exit 0', 'challenge', 'challenge', ...proof],
  login: ['exit 0, 1 tab', 'challenge', ...proof],
  fetch: ['exit 0', 'origin + JWT'],
  token: ['exit 0'],
};

export const faces: readonly Face[] = Object.keys(oauth) as Face[];

/** Each face says `code` after the same requests; the commands end with their exit codes. */
export function all(code: string, asked: readonly string[]): ByFace {
  const exits: Partial<Record<Face, string>> = {
    doctor: 'exit 1',
    login: 'exit 1',
    fetch: 'exit 67',
    token: 'exit 1',
  };
  const said = faces.map((face) => [face, [exits[face] ?? code, ...asked]]);
  return Object.fromEntries(said) as ByFace;
}

/** For a process whose clock is wrong. */
export const shifted = (aheadMs: number) => ({
  NODE_OPTIONS: `--import=${new URL('../../support/shifted-clock.js', import.meta.url).href}`,
  CLOCK_AHEAD_MS: String(aheadMs),
});

export async function signInByBoth({ tool, command }: Faces, url: string): Promise<void> {
  expect((await tool('authenticate', { url })).json).toMatchObject({ status: 'authenticated' });
  expect((await command('login', url)).code).toBe(0);
}

/** What every face says of what went wrong. */
export function expectWords(words: Readonly<Record<Face, string>>, pattern: RegExp): void {
  for (const face of faces) expect(words[face], face).toMatch(pattern);
}
