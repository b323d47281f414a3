/**
 * `/cdn-cgi/access/cli`: delivers the tokens of a person who has signed in, encrypted for a key that only
 * the program on their machine has, to the transfer service (cloudflare-access.md §5.2 and §5.4).
 */

import type { Application } from './catalogue.ts';
import type { Answer } from './server/answer.ts';
import { notice } from './server/page.ts';
import type { Received } from './server/received.ts';
import type { Identity, Organisation } from './team/organisation.ts';
import { readPublicKey, type TransferService } from './team/transfer.ts';

export function transferTokens(
  { organisation, transfer }: { organisation: Organisation; transfer: TransferService },
  application: Application,
  identity: Identity,
  request: Received,
): Answer {
  const query = request.url.searchParams;
  const receiver = query.get('token') ?? '';
  if (
    query.get('aud') !== application.audience ||
    query.get('edge_token_transfer') !== 'true' ||
    !URL.canParse(query.get('redirect_url') ?? '') ||
    readPublicKey(receiver) === undefined ||
    identity.kind !== 'person'
  ) {
    return notice(400, 'Invalid request', 'This address was not made by a program that signs in.');
  }
  const tokens = {
    app_token: organisation.personJwt(application, identity.email),
    ...(query.get('send_org_token') === 'true'
      ? { org_token: organisation.organisationJwt(identity.email) }
      : {}),
  };
  transfer.deliver(receiver, JSON.stringify(tokens));
  return notice(
    200,
    'Success',
    `You are signed in as ${identity.email}. You can close this tab and go back to your program.`,
  );
}
