/**
 * Checks each authorization server in CF_ACCESS_AUTHORIZATION_SERVERS, in particular whether it supports
 * RFC 9207.
 */
import type { Config } from '../../config/config.ts';
import { isAccessError } from '../../errors.ts';
import { fetchServerMetadata, namesItself } from '../../oauth/server-metadata.ts';
import type { Rooms } from '../../rooms.ts';
import type { Reader } from '../terminal/reader.ts';
import { stepForPeople } from '../terminal/step-for-people.ts';
import { type Finding, ok, warn } from './finding.ts';

const name = 'Listed server';

export function checkListedServers(
  { fetch }: Rooms,
  { trust }: Config,
  reader: Reader,
): Promise<Finding[]> {
  return Promise.all(
    trust.authorizationServers.map(async (issuer) => {
      try {
        const server = await fetchServerMetadata(issuer, fetch);
        return namesItself(server)
          ? ok(
              name,
              `${issuer.href}: identifies itself in its authorization responses (iss, RFC 9207)`,
            )
          : warn(
              name,
              `${issuer.href}: does not identify itself in its authorization responses (no iss, RFC 9207)`,
              'It could redirect a sign-in to another authorization server and receive the code that the other one issues. Keep it in the list only if you trust it with sign-ins at other servers; its operator can fix this by sending iss.',
            );
      } catch (error) {
        if (!isAccessError(error)) throw error;
        return warn(name, error.message, stepForPeople(error.nextStep, reader));
      }
    }),
  );
}
