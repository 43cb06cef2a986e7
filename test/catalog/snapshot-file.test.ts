import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import type { CatalogEntry } from '../../src/catalog/feed/catalog-rows.ts';
import { SnapshotFile } from '../../src/catalog/snapshot-file/snapshot-file.ts';

const KEY = Buffer.alloc(32, 7);
const ENTRIES: readonly CatalogEntry[] = [
  {
    entity: 'account',
    id: 'an account',
    record: { planId: 'free', disabled: false, blockEndsAt: null, supersededPlanLimits: null },
  },
];

it('a snapshot whose rows have the fields of another version is refused', async () => {
  const folder = await createTemporaryFolder();
  const batches = (async function* () {
    yield ENTRIES;
  })();
  await new SnapshotFile(folder, KEY, 'some fields').write({ syncedAt: 5, batches });
  const read = async (rowFormat: string) => {
    const stored = await new SnapshotFile(folder, KEY, rowFormat).read(() => {});
    const entries: CatalogEntry[] = [];
    for await (const batch of stored?.batches ?? []) entries.push(...batch);
    return { syncedAt: stored?.syncedAt, entries };
  };
  expect(await read('some fields')).toEqual({ syncedAt: 5, entries: ENTRIES });
  await expect(read('other fields')).rejects.toThrow('the file is of another version of Weir');
  await rm(folder, { recursive: true });
});
