import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Test files that take longest, most of the time waiting. */
const SLOW_FILES = [
  'test/attacks/admin/extreme-values.test.ts',
  'test/app/process/secrets.test.ts',
  'test/http2/clients/real-clients.test.ts',
  'test/usage/last-used.test.ts',
  'test/rules/hot-reload.test.ts',
  'test/admin/signing-keys.test.ts',
  'test/app/rate-limit/rules-reload.test.ts',
  'test/envoy/concurrency.test.ts',
  'test/app/process/command.test.ts',
  'test/app/process/redaction.test.ts',
  'test/app/tokens/external-issuers.test.ts',
  'test/database/embedded.test.ts',
  'test/counters/redis/failure-policy.test.ts',
  'test/http2/attacks/hostile-peers.test.ts',
  'src/domain/counting/hit-log.test.ts',
  'src/domain/counting/calendar-period.test.ts',
];

/** Starts the slowest files first, so that no worker is left with one of them at the end of a run. */
export class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification) => SLOW_FILES.some((file) => moduleId.endsWith(file));
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}
