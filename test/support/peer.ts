/** For each test of a file: a small server of its own, and the program's real client for it. */
import { afterEach, beforeEach } from 'vitest';
import type { ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import {
  type Answering,
  type Asked,
  type Loopback,
  listen,
  type RealFetch,
  realFetch,
} from './resource-loopback.ts';

export interface Peer {
  readonly origin: string;
  /** What this test's server was asked, in order. */
  readonly asked: Asked[];
  readonly fetch: ProtocolFetch;
  /** A test may put its own here. */
  answer: Answering;
  /** In the place of ten seconds. */
  timeoutMs: number;
}

/** `usual` answers where a test sets no other answer. */
export function peerForEachTest(usual: Answering): Peer {
  let server: Loopback;
  let real: RealFetch;
  const peer: Peer = {
    get origin() {
      return server.origin;
    },
    get asked() {
      return server.asked;
    },
    get fetch() {
      return real.fetch;
    },
    set timeoutMs(ms: number) {
      real.timeoutMs = ms;
    },
    get timeoutMs() {
      return real.timeoutMs;
    },
    answer: usual,
  };
  beforeEach(async () => {
    peer.answer = usual;
    server = await listen((asked, response) => peer.answer(asked, response));
    real = realFetch();
  });
  afterEach(async () => {
    await real.close();
    await server.close();
  });
  return peer;
}
