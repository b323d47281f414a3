/** The signed answers that prove which team a host is of, asked for once in a while. */
import { askSignedAnswer, type SignedAnswer } from '../cloudflare/signed-answer.ts';
import type { SigningKeys } from '../cloudflare/signing-keys.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Clock } from '../session/ports.ts';

export interface TeamProofs {
  /** `undefined` when the host gives no signed answer. Throws what `askSignedAnswer` throws. */
  prove(url: URL, signal?: AbortSignal): Promise<SignedAnswer | undefined>;
}

/** A host seldom changes its team, and a proof that is asked for each time would double every call. */
const keptForMs = 10 * 60_000;
/** What was not proven may have been a passing fault: kept for as long as one call may ask twice. */
const unprovenForMs = 3_000;
const maxKept = 200;

export function createTeamProofs({
  fetch,
  clock,
  keys,
}: {
  readonly fetch: ProtocolFetch;
  readonly clock: Clock;
  readonly keys: SigningKeys;
}): TeamProofs {
  const kept = new Map<string, { outcome: SignedAnswer | AccessError | undefined; at: number }>();
  return {
    async prove(url, signal) {
      const key = url.origin + url.pathname;
      const known = kept.get(key);
      const now = clock.now();
      if (known) {
        const { outcome, at } = known;
        const proven = outcome !== undefined && 'verified' in outcome && outcome.verified;
        if (Math.abs(now - at) < (proven ? keptForMs : unprovenForMs)) return given(outcome);
      }
      kept.delete(key);
      const outcome = await askSignedAnswer(url, {
        fetch,
        now: () => clock.now(),
        keys,
        ...(signal ? { signal } : {}),
      }).catch((error: unknown) => {
        if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
        return error;
      });
      if (kept.size >= maxKept) kept.clear();
      kept.set(key, { outcome, at: clock.now() });
      return given(outcome);
    },
  };
}

function given(outcome: SignedAnswer | AccessError | undefined): SignedAnswer | undefined {
  if (isAccessError(outcome)) throw outcome;
  return outcome;
}
