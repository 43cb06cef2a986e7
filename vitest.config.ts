import { defineConfig, type TestUserConfig } from 'vitest/config';

const TIMING_TESTS = '**/*.timing.test.ts';

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
          exclude: [TIMING_TESTS],
          maxWorkers: 2,
        },
      },
      {
        // These tests measure elapsed time. Each one needs the machine to itself, so they run one by one, after the others.
        test: { ...common, name: 'timing', include: [TIMING_TESTS], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
