/**
 * An answer's body in the form in which it may leave this program: decoded, and without the credentials
 * that it echoes.
 */
import type { Readable } from 'node:stream';
import { decodedBody } from '../http/body.ts';
import type { Incoming } from '../http/send.ts';
import type { Concealed, Concealer } from '../secrets/concealer.ts';

/**
 * `encoded`: leaves the content coding in place, unless a credential was sent. `sameLength`: what is cut
 * out is covered, so that every byte after it stays where it was.
 */
export function cleanBody(
  answer: Incoming,
  concealer: Concealer,
  { encoded = false, sameLength = false }: { encoded?: boolean; sameLength?: boolean } = {},
): Concealed<Readable> {
  // A credential could not be found in an encoded body.
  const decodes = !encoded || concealer.active;
  const body = decodes ? decodedBody(answer) : answer.body;
  return concealer.body(body, sameLength ? 'covered' : 'marked');
}
