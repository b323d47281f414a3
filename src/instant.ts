/** `milliseconds` since the epoch as results show it: ISO 8601, or null if unknown. */
export function instant(milliseconds: number | undefined): string | null {
  if (milliseconds === undefined) return null;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
