/**
 * Times in Access's tokens are judged by this machine's clock. Where that is wrong, neither the host nor
 * the token is to blame, and no sign-in helps.
 */
import { AccessError } from '../errors.ts';
import { atPath } from '../secure-url.ts';

/** How far the clocks of this machine and of Access may differ, in milliseconds. */
export const toleratedSkewMs = 5 * 60_000;

/**
 * How far `now` (milliseconds since the epoch) is ahead of an answer's `Date`, if that is more than is
 * tolerated. A host can only bring its own failure to another name by it.
 */
export function skewOf(headers: Headers, now: number): number | undefined {
  const aheadMs = now - Date.parse(headers.get('date') ?? '');
  return Math.abs(aheadMs) > toleratedSkewMs ? aheadMs : undefined;
}

/** `aheadMs`: how far this machine's clock is ahead of `url`'s host's; negative when behind. */
export function clockIsWrong(url: URL, aheadMs: number): AccessError {
  const by = `${lengthOf(Math.abs(aheadMs))} ${aheadMs < 0 ? 'behind' : 'ahead of'}`;
  return new AccessError(
    'temporarily_unavailable',
    `This machine’s clock is about ${by} the one at ${url.host}, so that it cannot be told whether a token of Cloudflare Access is valid. Nothing is wrong with the host, and no sign-in helps.`,
    [{ do: 'set_clock', url: atPath(url, '/').href }],
  );
}

function lengthOf(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
