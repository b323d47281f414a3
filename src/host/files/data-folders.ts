/** Where sessions are kept by default, and where earlier runs in other environments may have kept them. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';

const program = 'cloudflare-access-mcp';

export function defaultDataDir(): string {
  return envPaths(program, { suffix: '' }).data;
}

/**
 * Every folder that is the default in some environment: a shell and a host that clears the environment may
 * disagree about XDG_DATA_HOME, and several systems may share a home folder.
 */
export function defaultDataDirs({
  LOCALAPPDATA,
}: Readonly<Record<string, string | undefined>>): string[] {
  const homes = [...new Set([homedir(), ...accountHome()])];
  const below = homes.flatMap((home) => [
    join(home, '.local', 'share', program),
    join(home, 'Library', 'Application Support', program),
    join(home, 'AppData', 'Local', program),
  ]);
  const local = LOCALAPPDATA ? [join(LOCALAPPDATA, program)] : [];
  return [...new Set([defaultDataDir(), ...local, ...below])];
}

/** The account's home folder, whatever HOME says. An account without a passwd entry has none. */
function accountHome(): string[] {
  try {
    return [userInfo().homedir].filter((home) => home !== '');
  } catch {
    return [];
  }
}
