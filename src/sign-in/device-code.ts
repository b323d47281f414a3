/** Signing in with a device code (RFC 8628): the person types a short code into any browser. */
import { isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { OAuthClient } from '../oauth/client.ts';
import { authorizeDevice, requireDeviceCodes } from '../oauth/device.ts';
import { pollDeviceToken } from '../oauth/device-token.ts';
import type { Clock } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { loopbackRedirectUris } from '../session/redirect-uris.ts';
import type { Registrations } from '../session/registrations.ts';
import { isSameSignIn, sessionFrom } from '../session/session-from.ts';
import type { OAuthTarget } from './discovery.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { SignIn } from './sign-in.ts';
import type { TokenHosts } from './token-hosts.ts';

export type BeginDeviceSignIn = (
  target: OAuthTarget,
  options: { force: boolean; scope: string | undefined; notFrom?: Session | undefined },
) => Promise<SignIn>;

export function createDeviceSignIn(parts: {
  readonly fetch: ProtocolFetch;
  readonly clock: Clock;
  readonly rendezvous: Rendezvous;
  readonly registrations: Registrations;
  readonly tokenHosts: TokenHosts;
  /** For the redirection URI in the registration, which every client has to have. */
  readonly port: number;
}): BeginDeviceSignIn {
  const { fetch, clock, rendezvous, registrations, tokenHosts, port } = parts;
  return (target, { force, scope, notFrom }) => {
    const { server, resource, resourceIndicator, teamDomain } = target;
    return rendezvous.begin({
      resource,
      method: 'device_code',
      at: new URL(server.issuer).host,
      joins: ({ code }) => !force && code === undefined,
      ...(force ? {} : { accepts: (session) => !(notFrom && isSameSignIn(session, notFrom)) }),
      prepare: async () => {
        // Checked before registering, because at Access a registration can never be deleted.
        requireDeviceCodes(server);
        const wanted = { redirectUris: loopbackRedirectUris(port), resourceIndicator };
        const ask = (client: OAuthClient) =>
          authorizeDevice(server, client, { resource: resourceIndicator, scope }, fetch);
        let { client } = await registrations.clientFor(server, { ...wanted, anew: false });
        const device = await ask(client).catch(async (error: unknown) => {
          if (!isAccessError(error, 'registration_rejected')) throw error;
          // The server has forgotten the registration, or it predates the server's device codes.
          ({ client } = await registrations.clientFor(server, { ...wanted, anew: true }));
          return ask(client);
        });
        return {
          lifetimeMs: device.expiresInSeconds * 1000,
          userCode: device.userCode,
          verificationUri: device.verificationUri,
          ...(device.browserUri === undefined ? {} : { authorizationUrl: device.browserUri }),
          run: async (signal) => {
            const tokens = await pollDeviceToken(server, client, device, resourceIndicator, fetch, {
              now: () => clock.now(),
              sleep: (ms, until) => clock.sleep(ms, until),
              signal,
            });
            tokenHosts.require(server.issuer, resource, tokens.confirmed === true);
            const grant = {
              issuer: server.issuer,
              tokenEndpoint: server.token_endpoint,
              ...(server.revocation_endpoint
                ? { revocationEndpoint: server.revocation_endpoint }
                : {}),
              resourceIndicator,
              client: { ...client },
              ...(scope === undefined ? {} : { scope }),
            };
            return sessionFrom(
              { resource, method: 'device_code', ...(teamDomain ? { teamDomain } : {}) },
              grant,
              tokens,
              clock.now(),
            );
          },
        };
      },
    });
  };
}
