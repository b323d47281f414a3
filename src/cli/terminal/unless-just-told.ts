/** Failures of a program that goes on: many requests fail in the same way at once. */

/** The same failure again is not told before this. */
const quietMs = 10_000;

export function unlessJustTold(
  tell: (text: string) => void,
  explain: (error: unknown) => string,
): (error: unknown) => void {
  let last = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    const text = explain(error);
    const now = performance.now();
    if (text === last && now - toldAt < quietMs) return;
    last = text;
    toldAt = now;
    tell(text);
  };
}
