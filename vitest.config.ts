import { availableParallelism } from 'node:os';
import path from 'node:path';
import { defineConfig, type TestUserConfig } from 'vitest/config';
import { SlowFilesFirst } from './test/support/slow-files-first.ts';

const TIMING_TESTS = '**/*.timing.test.ts';
/** Compares Weir with a running envoyproxy/ratelimit. CI prints that it does not run. */
/** They need an envoyproxy/ratelimit: one that is running, and its program. */
const PEER_TESTS = '**/envoyproxy/peer.test.ts';
const PEER_PROGRAM_TESTS = '**/ratelimit/peer.test.ts';
/** It writes the pictures of docs/console.md. */
const PICTURES = '**/console/pictures.test.ts';
/** It needs the program of the previous version. */
const PREVIOUS_VERSION_TESTS = '**/process/previous-version.test.ts';

// Test files run in processes of their own, and some start further ones. All of them load packages from Node's compile cache.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '.cache', 'compile-cache');

const common: TestUserConfig = {
  // Long enough for a machine that is busy with other work.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 20_000 } },
  pool: 'forks',
};
/** One worker more than processors, because many tests wait. */
const parallel: TestUserConfig = { ...common, maxWorkers: availableParallelism() + 1 };

export default defineConfig({
  test: {
    globalSetup: 'test/support/shared-postgres.ts',
    sequence: { sequencer: SlowFilesFirst },
    projects: [
      {
        // Tests of functions: they leave nothing behind, so files share a process and its loaded modules.
        test: {
          ...parallel,
          name: 'unit',
          include: ['src/**/*.test.ts', 'console/src/**/*.test.ts'],
          exclude: [TIMING_TESTS],
          isolate: false,
        },
      },
      {
        // Tests with sockets, servers and processes.
        test: {
          ...parallel,
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [
            TIMING_TESTS,
            ...(process.env.PEER_RLS ? [] : [PEER_TESTS]),
            ...(process.env.PEER_RATELIMIT ? [] : [PEER_PROGRAM_TESTS]),
            ...(process.env.CONSOLE_PICTURES ? [] : [PICTURES]),
            ...(process.env.PREVIOUS_WEIR ? [] : [PREVIOUS_VERSION_TESTS]),
          ],
        },
      },
      {
        // These tests measure elapsed time and need the machine to themselves, so they run one after the other. A machine
        // that is busy for a moment can fail one of them.
        test: {
          ...common,
          retry: 2,
          name: 'timing',
          include: [TIMING_TESTS],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
