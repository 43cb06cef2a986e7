import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { migrations } from '../../migrations/index.ts';
import { AccountEntity } from '../../src/database/entities/account-entity.ts';
import { PlanEntity } from '../../src/database/entities/plan-entity.ts';
import { migrate, revertLastMigration } from '../../src/database/migrate.ts';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { type SeedOptions, seed } from '../../src/database/seed.ts';
import { hashPassword, verifyPassword } from '../../src/identity/secrets/password.ts';
import { newEmptyDatabase } from '../support/databases.ts';

/** Runs a test with the connections of `count` nodes to one empty database. */
async function withNodes(count: number, run: (...databases: Database[]) => Promise<void>): Promise<void> {
  const url = await newEmptyDatabase();
  const databases = await Promise.all(Array.from({ length: count }, () => openDatabase({ url })));
  await run(...databases).finally(() => Promise.all(databases.map((database) => database.close(true))));
}

const LIST_OBJECTS = `
  select c.relname as name, c.relkind as kind from pg_class c where c.relnamespace = 'public'::regnamespace
  union all select proname, 'function' from pg_proc where pronamespace = 'public'::regnamespace
  union all select tgname, 'trigger' from pg_trigger where not tgisinternal
  order by 1, 2`;
const listObjects = (database: Database) => createQuery(database)(LIST_OBJECTS, []);

const options: SeedOptions = {
  admin: { email: 'Admin@Example.com', password: 'first' },
  hashPassword,
};

describe('the database schema', () => {
  it('can be reverted and applied again, and leaves nothing behind but the list of migrations', () =>
    withNodes(1, async (database = expect.fail()) => {
      await migrate(database);
      const migrated = await listObjects(database);
      for (const _ of migrations) await revertLastMigration(database);
      const left = (await listObjects(database)) as { name: string }[];
      expect(left.filter(({ name }) => !name.startsWith('migration'))).toEqual([]);
      await migrate(database);
      expect(await listObjects(database)).toEqual(migrated);
    }));

  it('has exactly the columns of the entities', () =>
    withNodes(1, async (database = expect.fail()) => {
      await migrate(database);
      // Partitions have the columns of their table.
      const sql = `
        select relname || '.' || attname as name from pg_attribute join pg_class c on c.oid = attrelid
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and attnum > 0
          and not attisdropped`;
      const columns = (await createQuery(database)(sql, [])) as { name: string }[];
      const actual = columns.map(({ name }) => name).filter((name) => !name.startsWith('migration.'));
      const described = [...database.getMetadata().getAll().values()].flatMap(({ tableName, props }) =>
        props.flatMap(({ fieldNames }) => fieldNames.map((field) => `${tableName}.${field}`)),
      );
      expect(actual.sort()).toEqual(described.sort());
    }));

  it('is migrated and seeded once when several nodes start together', () =>
    withNodes(4, async (...databases) => {
      const results = await Promise.all(
        databases.map(async (database) => {
          await migrate(database);
          return seed(database, { ...options, admin: { email: 'admin@example.com', password: undefined } });
        }),
      );
      const [first = expect.fail()] = databases;
      const em = first.em.fork();
      expect(await em.count(PlanEntity)).toBe(3);
      const [admin, ...others] = await em.findAll(AccountEntity);
      expect(others).toEqual([]);
      const [password, ...morePasswords] = results
        .map(({ generatedPassword }) => generatedPassword)
        .filter((generatedPassword) => generatedPassword !== undefined);
      expect(morePasswords).toEqual([]);
      expect(await verifyPassword(password ?? '', admin?.passwordHash ?? null)).toBe(true);
    }));

  it('keeps the administrator’s password and the plans at later starts', () =>
    withNodes(1, async (database = expect.fail()) => {
      await migrate(database);
      expect(await seed(database, options)).toEqual({ generatedPassword: undefined });
      await createQuery(database)(`delete from plan where id = 'pro'`, []);
      await createQuery(database)(`update plan set limits = '[]' where id = 'free'`, []);
      expect(await seed(database, { ...options, admin: { email: 'admin@example.com', password: 'second' } })).toEqual({
        generatedPassword: undefined,
      });
      const em = database.em.fork();
      const admin = await em.findOneOrFail(AccountEntity, { email: 'admin@example.com' });
      expect(await verifyPassword('first', admin.passwordHash)).toBe(true);
      expect((await em.findAll(PlanEntity, { orderBy: { id: 'asc' } })).map(({ id }) => id)).toEqual([
        'enterprise',
        'free',
      ]);
      expect((await em.findOneOrFail(PlanEntity, 'free')).limits).toEqual([]);
    }));

  it('is left without a partial change and without a lock by a node that dies while it migrates', () =>
    withNodes(2, async (dying = expect.fail(), next = expect.fail()) => {
      const unfinished = dying.em.fork();
      await unfinished.begin();
      await unfinished.execute('select pg_advisory_xact_lock(7734001)');
      await unfinished.execute(`create table half_done_${randomUUID().slice(0, 8)} (id text)`);
      const migrating = migrate(next);
      const kill = `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database =
      (select oid from pg_database where datname = current_database())`;
      await createQuery(next)(kill, []);
      await migrating;
      expect(JSON.stringify(await listObjects(next))).not.toContain('half_done');
    }));
});
