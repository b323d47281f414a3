/** Which team a host belongs to, proven by its signed answer. Proofs are cached. */
import type { Abortable } from '../abortable.ts';
import { askSignedAnswer, type SignedAnswer } from '../cloudflare/signed-answer.ts';
import type { SigningKeys } from '../cloudflare/signing-keys.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Clock } from '../session/ports.ts';

export interface TeamProofs {
  /**
   * `undefined` when the host gives no signed answer. `once`: a single question, with the query, where the
   * path alone may not do. Throws what `askSignedAnswer` throws.
   */
  prove(
    url: URL,
    signal?: Abortable,
    options?: { readonly once: boolean },
  ): Promise<SignedAnswer | undefined>;
}

/**
 * A host seldom changes its team, and fetching the proof every time would double the requests of each
 * call.
 */
const keptForMs = 10 * 60_000;
/**
 * A missing or failed proof may be a passing fault, so it is cached only long enough to serve the repeated
 * lookups of one call.
 */
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
  type Outcome = Awaited<ReturnType<typeof askSignedAnswer>> | AccessError;
  const kept = new Map<string, { outcome: Outcome; at: number }>();

  const known = (key: string): Outcome | 'unknown' => {
    const found = kept.get(key);
    if (!found) return 'unknown';
    const { outcome } = found;
    // The person is told to set the clock, and then nothing is to remind of the old one.
    const isKept = isProof(outcome) && outcome.clockAheadMs === undefined;
    const lastsMs = isKept ? keptForMs : unprovenForMs;
    return Math.abs(clock.now() - found.at) < lastsMs ? found.outcome : 'unknown';
  };

  const ask = async (
    key: string,
    url: URL,
    withQuery: boolean,
    signal: Abortable | undefined,
  ): Promise<Outcome> => {
    const before = known(key);
    if (before !== 'unknown') return before;
    kept.delete(key);
    const outcome = await askSignedAnswer(url, {
      fetch,
      now: () => clock.now(),
      keys,
      withQuery,
      ...(signal ? { signal } : {}),
    }).catch((error: unknown) => {
      if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
      return error;
    });
    if (kept.size >= maxKept) kept.clear();
    kept.set(key, { outcome, at: clock.now() });
    return outcome;
  };

  return {
    async prove(url, signal, { once } = { once: false }) {
      const path = url.origin + url.pathname;
      if (url.search === '') return given(await ask(path, url, false, signal));
      // Of hosts that exist only with a query (previews of Workers), the path alone knows nothing.
      const whole = path + url.search;
      const proven = [known(whole), known(path)].find(isProof);
      if (proven) return proven;
      if (once) return given(await ask(whole, url, true, signal));
      const outcome = await ask(path, url, false, signal);
      return given(outcome === 'no_page' ? await ask(whole, url, true, signal) : outcome);
    },
  };
}

function isProof(outcome: unknown): outcome is SignedAnswer & { verified: true } {
  return (
    typeof outcome === 'object' &&
    outcome !== null &&
    'verified' in outcome &&
    outcome.verified === true
  );
}

function given(
  outcome: SignedAnswer | AccessError | 'no_page' | undefined,
): SignedAnswer | undefined {
  if (isAccessError(outcome)) throw outcome;
  return outcome === 'no_page' ? undefined : outcome;
}
