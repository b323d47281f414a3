/**
 * Opens the WebSocket that carries a TCP connection through Access (cloudflare-access.md §8; the handshake
 * is RFC 6455 §4.1): without subprotocol and extensions, with the credential of its resource.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Abortable } from '../abortable.ts';
import { AccessError, type ErrorCode } from '../errors.ts';
import type { HopAnswer } from '../http/hops.ts';
import type { Field } from '../http/next-hop.ts';
import { discard } from '../http/peek.ts';
import { userAgent } from '../http/send.ts';
import type { NextStep } from '../next-step.ts';
import type { CredentialedSend } from '../relay/credentialed-send.ts';

export interface Dialled {
  readonly url: URL;
  /** `host:port`, for a bastion that connects to whatever it is told. */
  readonly destination?: string | undefined;
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Throws AccessError. */
export async function dial(
  { url, destination }: Dialled,
  send: CredentialedSend,
  signal: Abortable,
): Promise<Duplex> {
  const key = randomBytes(16).toString('base64');
  const headers: Field[] = [
    ['user-agent', userAgent],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', key],
    ...(destination === undefined ? [] : [['cf-access-jump-destination', destination] as const]),
  ];
  const wire = { target: url.pathname + url.search, upgrade: 'websocket' };
  const answer = await send({ method: 'GET', url, headers, signal, wire }, { isRepeatable: true });
  const socket = answer.wire?.upgraded;
  if (socket === undefined) {
    discard(answer);
    throw refused(url, answer.status);
  }
  const problem = problemOf(answer, key);
  if (problem === undefined && !signal.aborted) return socket;
  socket.destroy();
  throw new AccessError(
    'network_error',
    `${url.host} switched protocols as no WebSocket server does: ${problem ?? 'too late'}.`,
    [{ do: 'check_proxy' }],
  );
}

/** §4.1, what a client must check. */
function problemOf({ headers }: HopAnswer, key: string): string | undefined {
  const accept = createHash('sha1')
    .update(key + guid)
    .digest('base64');
  if (headers.get('upgrade')?.trim().toLowerCase() !== 'websocket') return 'not to WebSocket';
  if (headers.get('sec-websocket-accept')?.trim() !== accept) return 'without the proof of it';
  if (headers.has('sec-websocket-extensions')) return 'with an extension that was not offered';
  if (headers.has('sec-websocket-protocol')) return 'with a subprotocol that was not offered';
  return undefined;
}

function refused({ host }: URL, status: number): AccessError {
  const [code, why, nextStep] = reasonFor(host, status);
  return new AccessError(
    code,
    `${host} answered ${status} in the place of opening a TCP connection: ${why}.`,
    nextStep,
  );
}

function reasonFor(host: string, status: number): [ErrorCode, string, NextStep] {
  if (status >= 500) {
    const to = 'see what cloudflared on its side could not connect to';
    return [
      'temporarily_unavailable',
      'the tunnel may not reach the service behind it',
      [
        { do: 'retry', afterSeconds: 60 },
        { do: 'ask_operator', when: 'persists', host, to },
      ],
    ];
  }
  if (status === 401 || status === 403) {
    return [
      'access_denied',
      'Access lets the request in, and what stands behind it does not',
      [{ do: 'ask_operator', host, to: 'say what the service wants beyond Access' }],
    ];
  }
  return [
    'invalid_input',
    'what stands there is no TCP service, or not published as one; for a web application, use forward or fetch',
    [
      {
        do: 'ask_operator',
        host,
        to: 'give its route in the tunnel the type ssh, tcp, rdp or smb',
      },
    ],
  ];
}
