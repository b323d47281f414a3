/** The revocation endpoint (RFC 7009). */
import { processRevocationResponse, revocationRequest } from 'oauth4webapi';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { clientAuthentication, type OAuthClient, requestOptions } from './client.ts';
import { revocationResponse } from './documents/token-response.ts';
import { isPassing, protocolFailure } from './failures.ts';
import type { TokenServer } from './token.ts';

/** True when the server accepted it; false when it offers no revocation. Throws like `refresh`. */
export async function revoke(
  server: TokenServer,
  client: OAuthClient,
  token: string,
  kind: 'refresh_token' | 'access_token',
  fetch: ProtocolFetch,
): Promise<boolean> {
  if (server.revocation_endpoint === undefined) return false;
  const { host } = new URL(server.issuer);
  const [known, authentication] = clientAuthentication(client);
  try {
    const answer = await revocationRequest(server, known, authentication, token, {
      ...requestOptions(fetch, server.issuer),
      additionalParameters: { token_type_hint: kind },
    });
    await processRevocationResponse(await revocationResponse(answer));
    return true;
  } catch (error) {
    throw protocolFailure(
      error,
      isPassing(error) ? 'temporarily_unavailable' : 'unsupported_authorization_server',
      `${host} did not confirm the revocation`,
      [{ do: 'ask_operator', host, to: 'end the token, which otherwise lives until it expires' }],
      [token, client.clientSecret],
    );
  }
}
