/**
 * The transfer service (cloudflare-access.md §5.3 and §5.4): `GET /transfer/<PUB>` is held open until
 * tokens for that key arrive. They are delivered once.
 */
import { generateKeyPairSync } from 'node:crypto';
import { type Answer, methodNotAllowed, type Plan, text } from '../server/answer.ts';
import type { Received } from '../server/received.ts';
import { exportPublicKey, seal } from './nacl-box.ts';

/** How long a delivery that nobody fetches is kept. */
const keptMs = 10 * 60_000;

interface Delivery {
  readonly body: string;
  readonly senderKey: string;
  readonly until: number;
}

export class TransferService {
  readonly #holdMs: number;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** `receiver`: the public key as written in the URL. */
  deliver(receiver: string, message: string): void {
    const publicKey = readPublicKey(receiver);
    if (publicKey === undefined) throw new RangeError('Not a public key');
    const { privateKey } = generateKeyPairSync('x25519');
    this.#deliveries.set(receiver, {
      body: seal(Buffer.from(message), publicKey, privateKey).toString('base64'),
      senderKey: toBase64url(exportPublicKey(privateKey)),
      until: Date.now() + keptMs,
    });
    for (const wake of this.#waiting.get(receiver) ?? []) wake();
  }

  handle(request: Received): Plan {
    const receiver = /^\/transfer\/([^/]+)$/
      .exec(request.url.pathname)?.[1]
      ?.replaceAll('%3D', '=');
    if (receiver === undefined || readPublicKey(receiver) === undefined) {
      return { what: 'other', work: () => text(404, 'Not found') };
    }
    if (request.method !== 'GET') return { what: 'other', work: () => methodNotAllowed('GET') };
    return { what: 'transfer_poll', work: () => this.#poll(receiver, request.gone) };
  }

  async #poll(receiver: string, gone: AbortSignal): Promise<Answer> {
    const delivery = this.#take(receiver);
    if (delivery !== undefined) return delivery;
    await this.#hold(receiver, gone);
    return (
      this.#take(receiver) ?? { status: 404, headers: { 'cache-control': 'no-store' }, body: '' }
    );
  }

  #hold(receiver: string, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(receiver) ?? new Set();
      this.#waiting.set(receiver, waiting);
      // A client that hangs up stops waiting, so that the delivery remains for the next poll.
      const done = () => {
        clearTimeout(timer);
        gone.removeEventListener('abort', done);
        waiting.delete(done);
        if (waiting.size === 0) this.#waiting.delete(receiver);
        resolve();
      };
      const timer = setTimeout(done, this.#holdMs);
      waiting.add(done);
      gone.addEventListener('abort', done);
      if (gone.aborted) done();
    });
  }

  #take(receiver: string): Answer | undefined {
    const delivery = this.#deliveries.get(receiver);
    this.#deliveries.delete(receiver);
    if (delivery === undefined || delivery.until <= Date.now()) return undefined;
    return {
      status: 200,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'service-public-key': delivery.senderKey,
      },
      body: delivery.body,
    };
  }
}

/** 32 bytes in base64url with its padding, 44 characters. */
export function readPublicKey(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]{43}=$/.test(text)) return undefined;
  return Buffer.from(text, 'base64url');
}

function toBase64url(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}
