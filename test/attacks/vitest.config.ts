import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig, type TestUserConfig } from 'vitest/config';
import { listAttackTests } from '../docs/attack-tests.ts';

// npm run test:attacks: every test that docs/threat-model.md names, with more attempts than in `npm test`.

const tests = listAttackTests(readFileSync('docs/threat-model.md', 'utf8'));
const isTiming = (file: string) => file.endsWith('.timing.test.ts');

const common: TestUserConfig = {
  env: { ATTACK_ATTEMPTS_FACTOR: '5' },
  testTimeout: 300_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 20_000 } },
  pool: 'forks',
};

export default defineConfig({
  test: {
    globalSetup: 'test/support/shared-postgres.ts',
    projects: [
      {
        test: {
          ...common,
          name: 'attacks',
          include: tests.filter((file) => !isTiming(file)),
          maxWorkers: availableParallelism() + 1,
        },
      },
      {
        // These tests measure elapsed time and need the machine to themselves, so they run one after the other.
        test: {
          ...common,
          name: 'timed attacks',
          include: tests.filter(isTiming),
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
