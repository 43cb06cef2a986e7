import { defineConfig, type TestUserConfig } from 'vitest/config';

const TIMING_TESTS = '**/*.timing.test.ts';
/** Compares Weir with a running envoyproxy/ratelimit. CI prints that it does not run. */
const PEER_TESTS = '**/envoyproxy/peer.test.ts';

const common: TestUserConfig = { testTimeout: 30_000, hookTimeout: 120_000, pool: 'forks' };

export default defineConfig({
  test: {
    globalSetup: 'test/support/shared-postgres.ts',
    projects: [
      {
        test: {
          ...common,
          name: 'default',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [TIMING_TESTS, ...(process.env.PEER_RLS ? [] : [PEER_TESTS])],
          maxWorkers: 2,
        },
      },
      {
        // These tests measure elapsed time and need the machine to themselves, so they run one after the other.
        test: { ...common, name: 'timing', include: [TIMING_TESTS], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
