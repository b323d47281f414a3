/**
 * How many cases a property is tried on: a tenth by default, so that `npm test` stays short, and all of
 * them in `npm run test:soak`, which sets `PROPERTY_CASES=all`.
 */
export function cases(all: number): number {
  return process.env.PROPERTY_CASES === 'all' ? all : Math.ceil(all / 10);
}
