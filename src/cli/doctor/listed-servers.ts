/** The authorization servers of CF_ACCESS_AUTHORIZATION_SERVERS: what each is trusted with. */
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
          ? ok(name, `${issuer.href}: its answers say that they are its own (iss, RFC 9207)`)
          : warn(
              name,
              `${issuer.href}: its answers do not say that they are its own (no iss, RFC 9207)`,
              'Whoever lists it trusts it with sign-ins everywhere: it can pass one on to another server, and be brought that one’s code. Keep it only if that is meant; its operator can fix it by sending iss.',
            );
      } catch (error) {
        if (!isAccessError(error)) throw error;
        return warn(name, error.message, stepForPeople(error.nextStep, reader));
      }
    }),
  );
}
