import { expect, it } from 'vitest';
import { WorkerProcess } from '../../src/workers/supervision/worker-process.ts';

it('starts a worker that keeps room for new objects, so that calls in progress do not grow old', async () => {
  const lines: string[] = [];
  const url = new URL('new-space-worker.ts', import.meta.url);
  const worker = new WorkerProcess({ url, takeLine: (line) => lines.push(line) }, 1);
  await worker.ended;
  expect(Number(lines[0])).toBeGreaterThanOrEqual(8 * 1024 * 1024);
});
