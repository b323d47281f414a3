/**
 * Finds the person's graphical session from a process that was started without its variables. MCP hosts
 * pass on little more than HOME and PATH, so a missing DISPLAY does not mean that there is no desktop.
 */
import { constants } from 'node:fs';
import { access, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ownUserId } from '../files/private-folder.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where graphical sessions have their sockets; tests use other folders. */
export interface DisplayPlaces {
  readonly runtimeDir: string;
  readonly x11Dir: string;
}

export function displayPlaces(environment: Environment): DisplayPlaces {
  const own = ownUserId() ?? '';
  return {
    runtimeDir: environment.XDG_RUNTIME_DIR || `/run/user/${own}`,
    x11Dir: '/tmp/.X11-unix',
  };
}

/** With SSH the person is not in front of this machine's display. */
export function isElsewhere({ SSH_CONNECTION, SSH_TTY }: Environment): boolean {
  return Boolean(SSH_CONNECTION || SSH_TTY);
}

/**
 * The variables that a program needs to open a window on this person's display, or undefined when there is
 * none. What the environment says is used as it is; otherwise the sockets are looked for.
 */
export async function findDisplay(
  environment: Environment,
  { runtimeDir, x11Dir }: DisplayPlaces,
): Promise<Environment | undefined> {
  if (environment.DISPLAY || environment.WAYLAND_DISPLAY) return {};
  if (isElsewhere(environment)) return undefined;
  const inRuntimeDir = await names(runtimeDir);
  const wayland = inRuntimeDir.find((name) => /^wayland-\d+$/.test(name));
  const x11 = await ownSocket(x11Dir, /^X\d+$/);
  if (wayland === undefined && x11 === undefined) return undefined;
  const authority = inRuntimeDir.find((name) => /^(\.mutter-Xwaylandauth|xauth_)/.test(name));
  return {
    XDG_RUNTIME_DIR: runtimeDir,
    ...(wayland === undefined ? {} : { WAYLAND_DISPLAY: wayland }),
    ...(x11 === undefined ? {} : { DISPLAY: `:${x11.slice(1)}` }),
    ...(environment.XAUTHORITY || authority === undefined
      ? {}
      : { XAUTHORITY: join(runtimeDir, authority) }),
    ...(environment.DBUS_SESSION_BUS_ADDRESS || !inRuntimeDir.includes('bus')
      ? {}
      : { DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtimeDir, 'bus')}` }),
  };
}

async function names(folder: string): Promise<string[]> {
  try {
    await access(folder, constants.R_OK | constants.X_OK);
    return (await readdir(folder)).sort();
  } catch {
    return []; // none, or another user's
  }
}

/** X servers of other users (a login screen, say) have their sockets in the same folder. */
async function ownSocket(folder: string, pattern: RegExp): Promise<string | undefined> {
  const own = ownUserId();
  for (const name of await names(folder)) {
    if (!pattern.test(name)) continue;
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (found?.isSocket() && found.uid === own) return name;
  }
  return undefined;
}
