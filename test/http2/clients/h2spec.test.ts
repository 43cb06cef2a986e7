import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findGoTool, GO_BUILD_TIMEOUT_MS } from '../../../provision/programs/go-tools.ts';
import { startEngineServer } from './engine-server.ts';

describe('the HTTP/2 engine', () => {
  it('passes all tests of h2spec', { timeout: GO_BUILD_TIMEOUT_MS }, async () => {
    const h2spec = await findGoTool('h2spec');
    const server = await startEngineServer();
    try {
      const { stdout } = await promisify(execFile)(h2spec, ['-h', '127.0.0.1', '-p', String(server.port)]);
      const [, tests, passed] = /(\d+) tests, (\d+) passed, 0 skipped, 0 failed/.exec(stdout) ?? [];
      expect(Number(tests)).toBeGreaterThanOrEqual(145);
      expect(passed).toBe(tests);
    } finally {
      await server.stop();
    }
  });
});
