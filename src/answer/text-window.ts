/**
 * A window onto a long text, for a result of limited size: measured in UTF-16 units, which is how agents
 * count characters, and never splitting a character.
 */

export interface TextWindow {
  readonly start: number;
  readonly end: number;
}

/**
 * Up to `maxLength` units from `startIndex` on; fewer if the text as a JSON string in UTF-8 would exceed
 * `maxWireBytes`; at least one character, so that paging always advances.
 */
export function textWindow(
  text: string,
  {
    startIndex,
    maxLength,
    maxWireBytes,
  }: { startIndex: number; maxLength: number; maxWireBytes: number },
): TextWindow {
  const start = boundary(text, Math.min(Math.max(0, startIndex), text.length));
  const wanted = Math.max(
    boundary(text, Math.min(text.length, start + Math.max(1, maxLength))),
    start + widthAt(text, start),
  );
  return { start, end: fitting(text, start, wanted, maxWireBytes) };
}

/** `at`, or one before it if `at` is in the middle of a surrogate pair. */
function boundary(text: string, at: number): number {
  return isLow(text, at) && isHigh(text, at - 1) ? at - 1 : at;
}

function widthAt(text: string, at: number): number {
  if (at >= text.length) return 0;
  return isHigh(text, at) && isLow(text, at + 1) ? 2 : 1;
}

function isHigh(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}

function isLow(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

/** The greatest end, up to `wanted`, for which the text fits as a JSON string in UTF-8. */
function fitting(text: string, start: number, wanted: number, maxWireBytes: number): number {
  // A unit takes at most six bytes, as \uXXXX.
  if (2 + (wanted - start) * 6 <= maxWireBytes) return wanted;
  let bytes = 2;
  for (let at = start; at < wanted; ) {
    const width = widthAt(text, at);
    bytes += wireBytes(text, at, width);
    if (bytes > maxWireBytes) return at;
    at += width;
  }
  return wanted;
}

function wireBytes(text: string, at: number, width: number): number {
  if (width === 2) return 4;
  const unit = text.charCodeAt(at);
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x20 || (unit & 0xf800) === 0xd800) return 6;
  if (unit < 0x80) return 1;
  return unit < 0x800 ? 2 : 3;
}
