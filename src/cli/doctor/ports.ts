/** Checks the callback ports in the way in which a sign-in would claim them. */
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import { isAccessError } from '../../errors.ts';
import { createIdentityKey } from '../../host/files/identity-key.ts';
import { createRedirectListener } from '../../host/loopback/redirect-listener.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const name = 'Callback port';

export async function checkPorts(
  { callbackPorts: ports, callbackBind }: Config,
  dataDir: string,
): Promise<Finding> {
  const at = callbackBind === undefined ? '' : ` at ${callbackBind}`;
  const taken: number[] = [];
  for (const port of ports) {
    const state = await tryPort(port, dataDir, callbackBind);
    if (state === 'other') {
      taken.push(port);
      continue;
    }
    const held =
      state === 'sibling'
        ? ', held by another process of yours, which accepts callbacks for all of them'
        : ` is free${at}`;
    return taken.length === 0
      ? ok(name, `${port}${held}`)
      : warn(
          name,
          `${taken.join(', ')} used by other programs; ${port}${held}`,
          'Sign-ins work. If an authorization server accepts only the first port, end that program.',
        );
  }
  return fail(
    name,
    `${taken.join(', ')} used by other programs`,
    'Set CF_ACCESS_CALLBACK_PORT to a free port, or end the program that holds the port.',
  );
}

async function tryPort(
  port: number,
  dataDir: string,
  bindAddress: string | undefined,
): Promise<'free' | 'sibling' | 'other'> {
  const log = () => {};
  // Processes that share the port also share this folder. Without the folder there is no such process, and
  // reading its key would create the folder.
  const shared = await access(dataDir).then(
    () => true,
    () => false,
  );
  const identityKey = shared ? createIdentityKey({ dataDir, log }) : async () => randomBytes(32);
  // Uses the real listener, so that a sign-in that begins meanwhile recognises this process as one of
  // ours.
  const listener = createRedirectListener({ identityKey, log, bindAddress });
  try {
    const claim = await listener.claim([port], async () => ({ status: 'not_ours' }));
    return claim.held() ? 'free' : 'sibling';
  } catch (error) {
    if (isAccessError(error, 'callback_port_unavailable')) return 'other';
    throw error;
  } finally {
    await listener.close();
  }
}
