/** An answer's body as it may leave this program: with its codings undone, and without the credentials that it echoes. */
import type { Readable } from 'node:stream';
import { decodedBody } from '../http/body.ts';
import type { Incoming } from '../http/send.ts';
import type { Concealed, Concealer } from '../secrets/concealer.ts';

/**
 * `encoded`: for those who want its coding left alone. Where a credential was sent, it is undone all the
 * same. `sameLength`: what is cut out is covered, so that every byte after it stays where it was.
 */
export function cleanBody(
  answer: Incoming,
  concealer: Concealer,
  { encoded = false, sameLength = false }: { encoded?: boolean; sameLength?: boolean } = {},
): Concealed<Readable> {
  // Encoded, a credential in it could not be seen.
  const decodes = !encoded || concealer.active;
  const body = decodes ? decodedBody(answer) : answer.body;
  return concealer.body(body, sameLength ? 'covered' : 'marked');
}
