import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/chaos/all-scenarios.ts'],
    globalSetup: 'test/support/shared-postgres.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
});
