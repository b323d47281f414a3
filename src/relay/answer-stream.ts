/** Streams an answer's body to the local client as it arrives, no faster than the client reads it. */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { release } from '../receive-buffers.ts';
import type { ConcealedParts } from '../secrets/concealer.ts';

/**
 * Resolves when the whole body has been passed on; rejects when it breaks off or the client has left.
 * `parts`: what the client sees of it, if it may contain a credential.
 */
export function streamAnswer(
  body: Readable,
  response: ServerResponse,
  parts?: ConcealedParts,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const resume = () => void body.resume();
    const left = () => end(new Error('the client has left'));
    const end = (error?: Error) => {
      response.off('drain', resume);
      response.off('close', left);
      if (error) reject(error);
      else resolve();
    };
    body.on('data', (chunk: Buffer) => {
      for (const shown of parts ? parts.next(chunk) : [chunk]) {
        if (shown.length > 0 && !response.write(shown, () => release(shown))) body.pause();
      }
    });
    body.once('end', () => {
      const rest = parts?.last();
      if (rest && rest.length > 0) response.write(rest);
      end();
    });
    body.once('error', end);
    body.once('close', () => end(body.readableEnded ? undefined : new Error('it broke off')));
    response.on('drain', resume);
    response.once('close', left);
  });
}
