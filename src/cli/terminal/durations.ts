/** Durations in words for people. */

/**
 * For example `45 s`, `14 min`, `3 h`, `9 days`; rounded down, so that nothing ends earlier than stated.
 */
export function span(milliseconds: number): string {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** For example `in 14 min` or `3 h ago`. */
export function whenFrom(now: number, at: number): string {
  return at >= now ? `in ${span(at - now)}` : `${span(now - at)} ago`;
}
