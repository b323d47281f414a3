/** Cloudflare's own error pages, which contain their 1xxx number in the body: text, HTML or JSON. */

/** Statuses that Cloudflare uses for its 1xxx errors. A page with another status merely mentions one. */
const statuses: readonly number[] = [403, 409, 429, 503, 530];

const marks: readonly RegExp[] = [
  // `error code: 1033`, the entire body for a client that does not accept HTML
  /^\s*error code: (1\d{3})\s*$/i,
  // {"error_code":1043, …}
  /^\s*\{[\s\S]*?"error_code"\s*:\s*"?(1\d{3})\b/,
  // <span class="cf-error-code">1043</span>
  /<[a-z][^<>]*\bclass="[^"<>]*\bcf-error-code\b[^"<>]*"[^<>]*>\s{0,20}(1\d{3})\b/i,
  // <h1><span>Error</span> <span>1043</span>…
  /<h1\b[^<>]*>\s{0,20}(?:<span\b[^<>]*>)?\s{0,20}error\s{0,20}(?:<\/span>\s{0,20}<span\b[^<>]*>)?\s{0,20}(1\d{3})\b/i,
  /<title\b[^<>]*>[^<]*\berror(?: code:?)? (1\d{3})\b/i,
];

/** The 1xxx number of one of Cloudflare's error pages, or `undefined`. */
export function accessErrorNumber(status: number, bodyStart: string): number | undefined {
  if (!statuses.includes(status)) return undefined;
  const text = bodyStart.slice(0, 16_384);
  for (const mark of marks) {
    const number = mark.exec(text)?.[1];
    if (number !== undefined) return Number(number);
  }
  return undefined;
}
