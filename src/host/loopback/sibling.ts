/**
 * How a process finds out who holds a port: it challenges the listener there to prove that it knows the
 * identity key. The proof covers the port and a fresh nonce, so that another program can neither forge it,
 * nor replay it, nor obtain it from a sibling on another port.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { get } from 'node:http';

export const identifyParameter = 'identify';
const answerTimeoutMs = 1_000;
const maxAnswerBytes = 256;

/** The answer to `GET /callback?identify=<nonce>`; undefined when the nonce is malformed. */
export function proveIdentity(key: Uint8Array, port: number, nonce: string): string | undefined {
  if (!/^[\w-]{16,64}$/.test(nonce)) return undefined;
  return createHmac('sha256', key).update(`identify:${port}:${nonce}`).digest('base64url');
}

/**
 * `unclear`: nobody has answered. The port may be free by now, or its holder may be a sibling that is
 * closing it (connection reset) or is busy (no answer in time). Only an answer without the proof means a
 * `stranger`.
 */
export type PortHolder = 'sibling' | 'stranger' | 'unclear';

export async function identifyHolder(
  port: number,
  key: Uint8Array,
  addresses: readonly string[],
): Promise<PortHolder> {
  const nonce = randomBytes(24).toString('base64url');
  const proof = proveIdentity(key, port, nonce);
  const answers = await Promise.all(addresses.map((host) => ask(host, port, nonce)));
  if (answers.some((answer) => isEqual(answer, proof))) return 'sibling';
  return answers.every((answer) => answer === undefined) ? 'unclear' : 'stranger';
}

/** The answer's text; empty when it cannot be a proof, undefined when nobody has answered. */
function ask(host: string, port: number, nonce: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(
      {
        host,
        port,
        path: `/callback?${identifyParameter}=${nonce}`,
        headers: { host: `localhost:${port}` },
        agent: false,
        signal: AbortSignal.timeout(answerTimeoutMs),
      },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (part: string) => {
          text += part;
          if (text.length <= maxAnswerBytes) return;
          resolve('');
          request.destroy();
        });
        response.on('error', () => resolve(undefined));
        response.on('end', () => resolve(response.statusCode === 200 ? text : ''));
      },
    );
    // Nobody has asked for it. Without this, Node lets go of the connection and says nothing.
    request.on('upgrade', (_, socket) => {
      socket.destroy();
      resolve('');
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // An answer that is not HTTP is still an answer.
      resolve(error.code?.startsWith('HPE_') ? '' : undefined);
    });
  });
}

function isEqual(answer: string | undefined, proof: string | undefined): boolean {
  if (answer === undefined || proof === undefined || answer.length !== proof.length) return false;
  return timingSafeEqual(Buffer.from(answer, 'latin1'), Buffer.from(proof, 'latin1'));
}
