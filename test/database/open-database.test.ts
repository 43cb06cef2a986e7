import { describe, expect, it } from 'vitest';
import { isDatabaseUnavailable } from '../../src/database/database-errors.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { newEmptyDatabase } from '../support/databases.ts';

describe('a connection pool', () => {
  it('works and closes after more connections were lost within transactions than it can have', async () => {
    const url = await newEmptyDatabase();
    const database = await openDatabase({ url });
    const other = await openDatabase({ url });
    for (let round = 0; round < 12; round += 1) {
      const lost = database.em.fork().transactional(async (em) => {
        const [row] = await em.execute('select pg_backend_pid() as pid');
        await createQuery(other)('select pg_terminate_backend(?)', [row?.pid]);
        await em.execute('select 1');
      });
      expect(isDatabaseUnavailable(await lost.catch((error: unknown) => error))).toBe(true);
    }
    expect(await createQuery(database)('select 1 as one', [])).toEqual([{ one: 1 }]);
    await database.close(true);
    await other.close(true);
  });

  it('reports the database as unavailable if nobody listens, but not for an invalid query', async () => {
    const nowhere = await openDatabase({ url: 'postgres://weir@127.0.0.1:1/weir' });
    const refused = await createQuery(nowhere)('select 1', []).catch((error: unknown) => error);
    expect(isDatabaseUnavailable(refused)).toBe(true);
    await nowhere.close(true);
    const database = await openDatabase({ url: await newEmptyDatabase() });
    const wrong = await createQuery(database)('select nothing from nowhere', []).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(Error);
    expect(isDatabaseUnavailable(wrong)).toBe(false);
    await database.close(true);
  });

  it.each([
    ['a standby cancels a statement because of the replay', '40001'],
    ['a statement is part of a deadlock', '40P01'],
  ])('reports the database as unavailable if %s', async (_, code) => {
    const database = await openDatabase({ url: await newEmptyDatabase() });
    const failing = `do $$ begin raise 'cancelled' using errcode = '${code}'; end $$`;
    const cancelled = await createQuery(database)(failing, []).catch((error: unknown) => error);
    expect(isDatabaseUnavailable(cancelled)).toBe(true);
    await database.close(true);
  });
});
