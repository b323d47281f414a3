/**
 * One exchange between a local client and the origin: the client is checked, the request is sent on with
 * the credential of its resource, and the answer is streamed back. Our credentials are never passed to the
 * client.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { isAccessError } from '../errors.ts';
import { networkFailure } from '../http/failures.ts';
import type { HopAnswer } from '../http/hops.ts';
import { createConcealers } from '../secrets/concealer.ts';
import type { Addresses } from './addresses.ts';
import type { CredentialedSend } from './credentialed-send.ts';
import { objectionTo, ownNames } from './local-client.ts';
import { type Exchange, type LocalServer, listenLocally } from './local-server.ts';
import { answerFailure, answerOwn } from './own-answer.ts';
import { passBack, passInterim } from './pass-back.ts';
import { relayedBody } from './request-body.ts';
import { hasComeRound, hasUnknownCoding, requestFields } from './request-fields.ts';
import { readTarget } from './request-target.ts';

export interface RelayOptions {
  readonly remote: URL;
  /** 0: any. */
  readonly port: number;
  readonly send: CredentialedSend;
  /** Which user's program is at the other end; `other` is refused. */
  readonly ownerOf: (socket: Socket) => Promise<'own' | 'other' | 'unknown'>;
  /** Describes a failure for the person, who reads it in another program. */
  readonly explain: (error: unknown) => string;
  /** Called for every exchange that was refused or broke off. */
  readonly onFailure: (error: unknown) => void;
}

/** Resolves with the system's error code when the port is not available. */
export async function startRelay(options: RelayOptions): Promise<LocalServer | string> {
  const { remote, send, ownerOf, explain, onFailure } = options;
  const id = `cloudflare-access-mcp-${randomBytes(6).toString('hex')}`;
  const owners = new WeakMap<Socket, Promise<string>>();
  const concealers = createConcealers();
  let own = ownNames(options.port);

  const refuse = (exchange: Exchange, status: number, words: string): void =>
    answerOwn(status, words, exchange);

  const relay = async (exchange: Exchange): Promise<void> => {
    const { request, response, webSocket } = exchange;
    const { headers, socket, method = 'GET', url = '' } = request;
    // Attached before anything is awaited: the event is not repeated for a client that left meanwhile.
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(hasLeft);
    });
    if (socket.localPort !== own.port) own = ownNames(socket.localPort ?? 0);
    const objection = objectionTo(request, own, remote);
    if (objection) return refuse(exchange, objection.status, objection.words);
    if ((await owners.get(socket)) === 'other') {
      return refuse(
        exchange,
        403,
        `This relay to ${remote.host} is another user’s of this machine.`,
      );
    }
    if (gone.signal.aborted) return;
    const target = readTarget(url, own, remote);
    if ('status' in target) return refuse(exchange, target.status, target.words);
    if (method === 'TRACE') {
      return refuse(exchange, 405, 'TRACE is not passed on: it would show the credential.');
    }
    if (hasUnknownCoding(request)) {
      return refuse(exchange, 501, 'A body may come in chunks, but in no other transfer coding.');
    }
    if (hasComeRound(request, id)) {
      return refuse(
        exchange,
        508,
        'This request was passed on here before: the relay leads to itself.',
      );
    }
    const addresses: Addresses = { remote, local: `http://${headers.host}` };
    const body = relayedBody(request, {
      host: remote.host,
      onOpen: () => {
        if (exchange.awaitsContinue) response.writeContinue();
        exchange.awaitsContinue = false;
      },
    });
    try {
      const answer = await send(
        {
          method,
          url: target.url,
          headers: requestFields(request, addresses, id),
          ...(body ? { body } : {}),
          signal: gone.signal,
          wire: {
            target: target.target,
            ...(webSocket ? { upgrade: 'websocket' } : {}),
            onInterim: (status, fields) => passInterim(response, status, fields, addresses),
          },
        },
        { isRepeatable: body?.isSmall ?? true },
      );
      body?.settle();
      if (gone.signal.aborted) letGo(answer);
      else
        await passBack(exchange, answer, { addresses, concealer: concealers.of(answer.secrets) });
      body?.leave();
    } catch (error) {
      if (gone.signal.aborted) return;
      body?.leave();
      const failure = isAccessError(error) ? error : networkFailure(error, target.url, gone.signal);
      onFailure(failure);
      answerFailure(failure, explain(failure), exchange);
    }
  };

  return listenLocally(options.port, {
    onConnection: (socket) => void owners.set(socket, ownerOf(socket)),
    onExchange: (exchange) => {
      relay(exchange).catch((error: unknown) => {
        onFailure(error);
        exchange.response.destroy();
      });
    },
  });
}

const hasLeft = new Error('the client has left');

/** Discards an answer for a client that has left. */
function letGo({ body, wire }: HopAnswer): void {
  body.destroy();
  wire?.upgraded?.destroy();
}
