/** How many authorization servers a process remembers: resources name them, and there is no end of names. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HostileOrigin, startHostileOrigin } from '../support/hostile-origin.ts';
import { startServer, type TestServer } from '../support/mcp-server.ts';

let origin: HostileOrigin;
let server: TestServer;

/** A resource at every /r/N, and its own authorization server at /s/N. */
beforeEach(async () => {
  const wellKnown = '/.well-known/oauth-authorization-server/s/';
  origin = await startHostileOrigin(({ path }) => {
    if (path.startsWith(wellKnown)) {
      const issuer = origin.at(`/s/${path.slice(wellKnown.length)}`);
      return {
        json: {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          registration_endpoint: `${issuer}/register`,
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
        },
      };
    }
    const [, kind, number = ''] = path.split('/');
    if (kind === 'metadata') {
      return {
        json: {
          resource: origin.at(`/r/${number}`),
          authorization_servers: [origin.at(`/s/${number}`)],
        },
      };
    }
    const challenge = `Bearer resource_metadata="${origin.at(`/metadata/${number}`)}"`;
    return { status: 401, headers: { 'www-authenticate': challenge } };
  });
  server = await startServer();
});
afterEach(async () => {
  await server.close();
  await origin.close();
});

const timesAsked = (number: number) =>
  origin.seen.filter(({ path }) => path === `/.well-known/oauth-authorization-server/s/${number}`)
    .length;
const detect = async (number: number) => {
  const { json } = await server.call('detect_protection', { url: origin.at(`/r/${number}`) });
  expect(json).toMatchObject({ authorization_server: origin.at(`/s/${number}`) });
};

it('remembers the last 64 servers, and no more', async () => {
  for (let number = 0; number <= 64; number += 1) await detect(number);
  await detect(64);
  await detect(1);
  expect([timesAsked(64), timesAsked(1)]).toEqual([1, 1]);
  await detect(0);
  expect(timesAsked(0)).toBe(2);
}, 60_000);
