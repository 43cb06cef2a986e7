import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../src/database/open-database.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { insertKey, planLimits, UPSERT_PLAN } from './fixtures.ts';

const WRITERS = 5;
const ROUNDS = 6;
const KEYS_PER_WRITER = 8;

/**
 * Changes keys in parallel transactions, which commit out of order, roll back, or stay open over several polls of the
 * feed. Calls `afterCommit` with each committed change. Another transaction stays open meanwhile: it creates the plan
 * `held` and commits at the end of `whileHeld`.
 */
export async function runManyWriters(
  { database, query, account }: { readonly database: Database; readonly query: Query; readonly account: string },
  afterCommit: (keyId: string, expiresAt: number) => Promise<void>,
  whileHeld: () => void,
): Promise<void> {
  const writer = async (keyIds: readonly string[], seed: number) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = keyIds[(round * 7 + seed) % keyIds.length] ?? '';
      const expiresAt = 1_800_000_000_000 + seed * 1_000 + round;
      const em = database.em.fork();
      await em.begin();
      await em.execute('update api_key set expire_time = to_timestamp(?::float8 / 1000) where id = ?', [expiresAt, id]);
      await sleep(((seed * 37 + round * 53) % 5) * 60); // some stay open over several polls
      if ((seed + round) % 5 === 0) {
        await em.rollback();
        continue;
      }
      await em.commit();
      await afterCommit(id, expiresAt);
    }
  };
  const keyIds: string[][] = [];
  for (let seed = 0; seed < WRITERS; seed++) {
    const own: string[] = [];
    for (let key = 0; key < KEYS_PER_WRITER; key++) own.push(await insertKey(query, randomUUID(), account));
    keyIds.push(own);
  }
  const held = database.em.fork();
  await held.begin();
  await held.execute(UPSERT_PLAN, ['held', planLimits(3)]);
  await Promise.all(keyIds.map((own, seed) => writer(own, seed)));
  whileHeld();
  await held.commit();
}
