import { defineConfig } from 'vitest/config';

/**
 * The long runs: many processes, many rounds, many crashes, every case of the properties.
 * `npm run test:soak`, a few minutes.
 */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts', 'test/properties/**/*.test.ts'],
    env: { PROPERTY_CASES: 'all' },
    globalSetup: ['test/support/build.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // They fill the machine each: one file at a time.
    fileParallelism: false,
  },
});
