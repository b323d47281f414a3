import { defineConfig } from 'vitest/config';

/** What starts the built program again and again, a process a test: two thirds of the time of all tests. */
const system = ['end-to-end', 'faults', 'cli', 'bridge', 'carrier', 'relay', 'packaging'];
const inSystem = system.map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // The tests start real servers, browsers and processes: more workers than cores only slows them.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: ['test/soak/**', ...inSystem],
        },
      },
      { extends: true, test: { name: 'system', include: inSystem } },
    ],
  },
});
