/**
 * Run by the listener tests: `holder <data folder> <port>` claims the port, says `held` or `waiting`
 * and the port's number, and answers callbacks with its process id until it is ended.
 */
import { createIdentityKey } from '../../src/host/files/identity-key.ts';
import { createRedirectListener } from '../../src/host/loopback/redirect-listener.ts';

const [dataDir = '', port = '0'] = process.argv.slice(2);
const log = (): void => {};
const listener = createRedirectListener({ identityKey: createIdentityKey({ dataDir, log }), log });
try {
  const claim = await listener.claim([Number(port)], async () => ({
    status: 'signed_in',
    application: `process-${process.pid}`,
  }));
  process.stdout.write(`${claim.held() ? 'held' : 'waiting'} ${claim.port}\n`);
  setInterval(() => {}, 60_000);
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`);
}
