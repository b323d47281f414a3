/**
 * Browser transfer: how a person's login to an application without Managed OAuth is transferred to this
 * machine (what `cloudflared access login` does; cloudflare-access.md §5). `planBrowserTransfer` makes the
 * URL that the person opens, and `receiveTransfer` waits for the delivery. Neither stores anything.
 */
import type { Abortable } from '../../abortable.ts';
import { AccessError, isAccessError } from '../../errors.ts';
import type { ProtocolFetch } from '../../http/protocol-fetch.ts';
import { bounds } from '../../http/waiting/bounds.ts';
import { atPath } from '../../secure-url.ts';
import { mapTexts } from '../../step-texts.ts';
import { skewOf } from '../clock-skew.ts';
import type { SigningKeys } from '../signing-keys.ts';
import { createTransferKeys, type TransferKeys } from './box.ts';
import { openDelivery, type TransferredTokens } from './delivery.ts';
import { transferUrl } from './transfer-url.ts';

export interface ClockLike {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: Abortable): Promise<void>;
}

export interface BrowserTransfer {
  readonly application: URL;
  readonly audience: string;
  /**
   * What the person opens. Secret, because it contains the public key, with which the delivery can be
   * fetched.
   */
  readonly url: URL;
  readonly keys: TransferKeys;
}

export interface TransferOptions {
  readonly fetch: ProtocolFetch;
  readonly clock: ClockLike;
  /** The teams' signing keys, to verify the delivered tokens. */
  readonly teamKeys: SigningKeys;
  /** `https://login.cloudflareaccess.org`, or FedRAMP's, or the sandbox's. */
  readonly service: URL;
  /** If known: the only team whose tokens are accepted. */
  readonly teamDomain?: string | undefined;
  readonly signal?: Abortable | undefined;
  /** In total, in milliseconds; default `transferLifetimeMs`. */
  readonly patienceMs?: number;
}

/** How long cloudflared polls for one transfer; it is unknown whether the service would keep it longer. */
export const transferLifetimeMs = 10 * 60_000;

const atOnceMs = 1_000;
const pauseMs = 1_500;
const pauseWhenLimitedMs = 5_000;
const maxFailures = 3;

/**
 * Generates keys and the URL to open. The person's browser is redirected to `application` afterwards, so
 * it should be the protected resource and not a URL that an agent chose.
 */
export function planBrowserTransfer(application: URL, audience: string): BrowserTransfer {
  const keys = createTransferKeys();
  return { application, audience, url: transferUrl(application, audience, keys.publicKey), keys };
}

/**
 * Waits until the person has signed in, and decrypts what the transfer service delivers. Throws
 * `sign_in_expired` after `patienceMs`; `temporarily_unavailable` or what `fetch` threw when the service
 * failed three times in a row; `token_rejected` when the delivery cannot be decrypted or its token is for
 * another application; what `teamKeys` throws; the signal's reason when cancelled.
 */
export async function receiveTransfer(
  { application, audience, keys }: BrowserTransfer,
  {
    fetch,
    clock,
    teamKeys,
    service,
    teamDomain,
    signal,
    patienceMs = transferLifetimeMs,
  }: TransferOptions,
): Promise<TransferredTokens> {
  const poll = atPath(service, `/transfer/${keys.publicKey}`);
  const deadline = clock.now() + patienceMs;
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    const startedAt = clock.now();
    if (startedAt >= deadline) throw expired(application);
    const timeoutMs = Math.min(bounds.transferPoll, deadline - startedAt);
    let answer: Response | AccessError;
    try {
      answer = await fetch(poll, { signal, timeoutMs });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isAccessError(error, 'network_error', 'timeout')) throw withoutKey(error, keys);
      answer = withoutKey(error, keys);
    }
    signal?.throwIfAborted();
    const tookMs = clock.now() - startedAt;
    const failure = failureOf(answer, tookMs >= timeoutMs - atOnceMs, service);
    if (failure) {
      failures += 1;
      if (failures >= maxFailures) throw failure;
      await clock.sleep(Math.min(failures * 1_000, Math.max(0, deadline - clock.now())), signal);
      continue;
    }
    failures = 0;
    if (answer instanceof Response && answer.status === 200) {
      const body = await answer.text();
      if (body.trim() !== '') {
        const senderKey = answer.headers.get('service-public-key') ?? '';
        const now = clock.now();
        const aheadMs = skewOf(answer.headers, now);
        const expected = { application, audience, teamDomain, now, aheadMs };
        return openDelivery(keys, body, senderKey, expected, teamKeys);
      }
    }
    const limited = answer instanceof Response && answer.status === 429;
    if (limited || tookMs < atOnceMs) {
      const pause = limited ? pauseWhenLimitedMs : pauseMs;
      await clock.sleep(Math.min(pause, Math.max(0, deadline - clock.now())), signal);
    }
  }
}

/** Why this poll counts as failed. One that the service held open until its timeout means “not yet”. */
function failureOf(
  answer: Response | AccessError,
  heldToTheEnd: boolean,
  service: URL,
): AccessError | undefined {
  if (answer instanceof AccessError)
    return answer.code === 'timeout' && heldToTheEnd ? undefined : answer;
  if (answer.status < 500) return undefined;
  return new AccessError(
    'temporarily_unavailable',
    `The transfer service ${service.host} fails (status ${answer.status}), so the sign-in cannot be delivered.`,
    [{ do: 'sign_in', afterSeconds: 180 }],
  );
}

/** The poll's address contains the key, which must not appear in an error that may be shown or logged. */
function withoutKey(error: unknown, keys: TransferKeys): AccessError {
  const clean = (text: string): string =>
    text
      .replaceAll(keys.publicKey, '[removed]')
      .replaceAll(encodeURIComponent(keys.publicKey), '[removed]');
  if (isAccessError(error))
    return new AccessError(error.code, clean(error.message), mapTexts(error.nextStep, clean), {
      details: error.details,
    });
  throw error;
}

function expired({ host }: URL): AccessError {
  return new AccessError(
    'sign_in_expired',
    `Nobody finished signing in to ${host} within the time that the transfer allows.`,
    [{ when: 'ready', do: 'sign_in' }],
  );
}
