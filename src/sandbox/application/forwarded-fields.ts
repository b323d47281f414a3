/**
 * What of a request's header reaches the origin. Access keeps the service token's secret, tells who it
 * is, and lets nobody else say so. Everything else passes, a Bearer token of its own too (§3.4).
 */

import type { Received } from '../server/received.ts';
import type { Identity } from '../team/organisation.ts';

export type HeaderFields = Record<string, string | string[]>;

export function passedOn(request: Received, identity: Identity | undefined): HeaderFields {
  const fields: HeaderFields = { ...request.headers };
  delete fields['cf-access-client-secret'];
  delete fields['cf-access-jwt-assertion'];
  delete fields['cf-access-authenticated-user-email'];
  if (identity === undefined) return fields;
  fields['cf-access-jwt-assertion'] = identity.jwt;
  if (identity.kind === 'person') fields['cf-access-authenticated-user-email'] = identity.email;
  return fields;
}
