/**
 * cloudflared's own tokens, in `~/.cloudflared` on every platform: read in place, so that a person who has
 * signed in with cloudflared need not sign in again. Never written, locked, copied or deleted.
 */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAccessError } from '../errors.ts';
import { type AccessToken, type ExpectedToken, verifyAccessToken } from './application-token.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What is known of the application that guards `url`. */
export interface CloudflaredApplication {
  readonly url: URL;
  /** The application's domain: its host, perhaps a wildcard, perhaps with a path. */
  readonly domain: string;
  readonly audience: string;
  /** True when domain and audience are from the verified signed answer. */
  readonly proven: boolean;
  readonly teamDomain?: string | undefined;
}

/** A usable token; or why the file is ignored (without any secret or path). */
export type CloudflaredToken = { readonly token: AccessToken } | { readonly ignored: string };

export interface CloudflaredOptions {
  /** The `.cloudflared` folder. */
  readonly folder: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The user who must own the files; `undefined` where the system has no user ids (Windows). */
  readonly userId?: number | undefined;
  /** The tokens are verified as if an attacker had written them. */
  readonly keys: SigningKeys;
}

const maxBytes = 16_384;

/**
 * The token that cloudflared has stored for this application; `undefined` when there is none. Without
 * proof, only a token stored for exactly the URL's host: a host could claim to be any application, and
 * would be sent that one's token.
 */
export async function readCloudflaredToken(
  { url, domain, audience, proven, teamDomain }: CloudflaredApplication,
  options: CloudflaredOptions,
): Promise<CloudflaredToken | undefined> {
  const [host] = domain.split('/');
  if (!/^[a-z0-9._*:[\]/~-]{1,200}$/i.test(domain) || !/^[0-9a-f]{64}$/.test(audience))
    return undefined;
  if (!proven && host !== url.host) return undefined;
  const expected = { audience, teamDomain, application: url, now: options.now };
  return readToken(`${domain}-${audience}-token`, expected, options);
}

/**
 * The org token that cloudflared has stored for a team. `application` only decides whether a team on
 * loopback is allowed.
 */
export async function readCloudflaredOrgToken(
  teamDomain: string,
  application: URL,
  options: CloudflaredOptions,
): Promise<CloudflaredToken | undefined> {
  if (!/^[a-z0-9._:[\]-]{1,253}$/.test(teamDomain)) return undefined;
  return readToken(
    `${teamDomain}-org-token`,
    { teamDomain, application, now: options.now },
    options,
  );
}

async function readToken(
  name: string,
  expected: ExpectedToken,
  { folder, userId, keys }: CloudflaredOptions,
): Promise<CloudflaredToken | undefined> {
  const text = await readPrivate(folder, name.replace(/[/*]/g, '-'), userId);
  if (text === undefined || typeof text === 'object') return text;
  const token = await verifyAccessToken(text.trim(), expected, keys).catch((error: unknown) => {
    if (!isAccessError(error)) throw error;
    return 'cannot be verified at the moment';
  });
  return typeof token === 'string' ? { ignored: `cloudflared’s token ${token}` } : { token };
}

/** The file's text, if only its owner could have written or read it. */
async function readPrivate(
  folder: string,
  name: string,
  userId: number | undefined,
): Promise<string | { ignored: string } | undefined> {
  const ignored = (why: string) => ({ ignored: `cloudflared’s token ${why}` });
  let file: Awaited<ReturnType<typeof open>>;
  try {
    const place = await stat(folder);
    if (userId !== undefined && (place.uid !== userId || (place.mode & 0o022) !== 0)) {
      return ignored('is in a folder that others can write to');
    }
    // Non-blocking: otherwise a named pipe in place of the file would block indefinitely.
    file = await open(
      join(folder, name),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return ignored(code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code})`);
  }
  try {
    const { uid, mode, size, ...kind } = await file.stat().then((about) => ({
      uid: about.uid,
      mode: about.mode,
      size: about.size,
      isFile: about.isFile(),
    }));
    if (!kind.isFile) return ignored('is not a regular file');
    if (userId !== undefined && uid !== userId) return ignored('belongs to somebody else');
    if (userId !== undefined && (mode & 0o077) !== 0)
      return ignored('can be read by others (its mode should be 0600)');
    if (size > maxBytes) return ignored('is too large');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
