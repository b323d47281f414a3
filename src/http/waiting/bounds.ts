/** How long anything from the network is waited for, in milliseconds. SECURITY.md has the same table. */
export const bounds = {
  /** A connection with its TLS handshake; a proxy's answer to CONNECT. */
  connection: 10_000,
  /** An answer's head, however it drips. */
  head: 300_000,
  /** The same where a body has to be sent first. */
  headAfterBody: 3_600_000,
  /** Nothing new of an answer's body. */
  silence: 300_000,
  /** A whole protocol exchange: metadata, registration, tokens, keys, signed answers. */
  protocolAnswer: 10_000,
  /** One poll of the transfer service, which holds it for 60 s. */
  transferPoll: 65_000,
  /** A question to a guard, which stands at Cloudflare's edge: what is behind it may be slow. */
  guard: 30_000,
  /** All that a call does before a person is asked, where the call names no time of its own. */
  call: 60_000,
  /** The end of an answer that nobody reads, so that its connection can be used again. */
  discarded: 2_000,
} as const;
