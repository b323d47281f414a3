/** The end-to-end tests once more, with hosts that speak the 2026-07-28 revision: `npm run test:modern`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{main-job,end-to-end}/**/*.test.ts'],
    env: { TEST_MCP_REVISION: '2026-07-28' },
    globalSetup: ['test/support/build.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
