import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../provision/free-port.ts';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { newEmptyDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { WeirProcess } from '../../support/weir-process.ts';

let folder: string;
beforeAll(async () => {
  folder = await createTemporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a node that starts while Postgres is away', () => {
  it('waits, says so in one line and in /readyz, and stops on SIGTERM', async () => {
    const http = await findFreePort();
    const weir = new WeirProcess(['serve'], {
      DATABASE_URL: 'postgres://weir:correct-horse@127.0.0.1:1/weir',
      DATA_DIR: folder,
      DECISION_ADDRESS: '127.0.0.1:0',
      ADMIN_ADDRESS: '127.0.0.1:0',
      HTTP_ADDRESS: `127.0.0.1:${http}`,
    });
    await waitUntil(() => weir.printed.includes('waiting for Postgres'));
    const readiness = await fetch(`http://127.0.0.1:${http}/readyz`);
    expect([readiness.status, await readiness.text()]).toEqual([503, 'not ready: starting, waiting for Postgres\n']);
    expect(await weir.stop()).toBe(0);
    expect(weir.printed.split('waiting for Postgres')).toHaveLength(2);
    expect(weir.printed).not.toMatch(/"stack"|correct-horse/);
  });
});

describe('a node of the role decision that starts before the first migration', () => {
  it('waits with one line, and goes on once another node has migrated', async () => {
    const url = await newEmptyDatabase();
    const lines: string[] = [];
    const line = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const log = { info: line, warn: line, error: line };
    const starting = TestNode.start({ DATABASE_URL: url, WEIR_ROLE: 'decision', DATA_DIR: folder }, log);
    await waitUntil(() => lines.length > 0);
    const writer = await TestNode.start({ DATABASE_URL: url, DATA_DIR: folder });
    const follower = await starting;
    expect((await follower.fetch('/readyz')).status).toBe(200);
    expect(lines.filter((text) => text.startsWith('waiting until a node'))).toHaveLength(1);
    expect(lines.join()).not.toContain('stack');
    await follower.stop();
    await writer.stop();
  });
});
