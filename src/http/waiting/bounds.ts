/** How long to wait for anything from the network, in milliseconds. SECURITY.md has the same table. */
export const bounds = {
  /** A connection with its TLS handshake; a proxy's answer to CONNECT. */
  connection: 10_000,
  /**
   * One address of a host that has several, before the next one is tried. Node's own 250 ms are over before
   * a satellite or a busy machine has connected, and then none of the addresses is reached.
   */
  address: 1_000,
  /** An answer's complete head, however slowly it arrives. */
  head: 300_000,
  /** The same when a body has to be sent first. */
  headAfterBody: 3_600_000,
  /** Silence in the middle of an answer's body. */
  silence: 300_000,
  /** A whole protocol exchange: metadata, registration, tokens, keys, signed answers. */
  protocolAnswer: 10_000,
  /** One poll of the transfer service, which holds it for 60 s. */
  transferPoll: 65_000,
  /**
   * A request that finds out how a URL is guarded. The guard is at Cloudflare's edge, but an origin that
   * answers instead may be slow.
   */
  guard: 30_000,
  /**
   * Everything that a call does before a person is asked to sign in, unless the call sets a time of its
   * own.
   */
  call: 60_000,
  /** The end of a discarded answer, after which its connection can be reused. */
  discarded: 2_000,
} as const;
