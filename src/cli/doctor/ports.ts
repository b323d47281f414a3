/** The callback's ports, tried as a sign-in would try them. */
import { access } from 'node:fs/promises';
import { createIdentityKey } from '../../host/identity-key.ts';
import { bindLoopback } from '../../host/loopback-server.ts';
import { identifyHolder } from '../../host/sibling.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const name = 'Callback port';

export async function checkPorts(ports: readonly number[], dataDir: string): Promise<Finding> {
  const taken: number[] = [];
  for (const port of ports) {
    const state = await tryPort(port, dataDir);
    if (state === 'other') {
      taken.push(port);
      continue;
    }
    const held =
      state === 'sibling'
        ? ', held by another process of yours, which answers for all'
        : ' is free';
    return taken.length === 0
      ? ok(name, `${port}${held}`)
      : warn(
          name,
          `${taken.join(', ')} used by other programs; ${port}${held}`,
          'Sign-ins work. Where an authorization server knows only the first port, end that program.',
        );
  }
  return fail(
    name,
    `${taken.join(', ')} used by other programs`,
    'Set CF_ACCESS_CALLBACK_PORT to a free port, or end the program that holds the port.',
  );
}

async function tryPort(port: number, dataDir: string): Promise<'free' | 'sibling' | 'other'> {
  const nothing = async () => ({ status: 404, body: '' });
  const server = await bindLoopback(port, nothing);
  if (server) {
    await server.close(0);
    return 'free';
  }
  // Siblings share this folder: without it there is none, and asking for the key would make it.
  const shared = await access(dataDir).then(
    () => true,
    () => false,
  );
  if (!shared) return 'other';
  const key = createIdentityKey({ dataDir, log: () => {} });
  return (await identifyHolder(port, await key())) === 'sibling' ? 'sibling' : 'other';
}
