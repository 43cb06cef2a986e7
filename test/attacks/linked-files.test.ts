import { execFileSync } from 'node:child_process';
import { chmod, chown, link, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { locatePostgres } from '../../src/database/embedded/postgres-location.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';

/*
 * Weir runs as root and Postgres as the user `postgres`. A process of this user must not make root overwrite, read
 * or hand over other files.
 */

const isRoot = process.getuid?.() === 0;
const log = { info: () => {}, warn: () => {}, error: () => {} };
const SECRET = 'a file of root\n';

let dataFolder: string;
let victim: string;
let postgresUser: { readonly uid: number; readonly gid: number };
const running: EmbeddedPostgres[] = [];

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataFolder, log, settings: { fsync: 'off' } });
  running.push(postgres);
  return postgres;
}

/** Puts a link in the folder of Postgres, as its user could while the folder was its own. */
async function plant(name: string, create: (file: string) => Promise<void>): Promise<void> {
  const folder = path.join(dataFolder, 'postgres');
  await mkdir(folder, { recursive: true });
  await create(path.join(folder, name));
  await chown(folder, postgresUser.uid, postgresUser.gid);
}

async function expectVictimUntouched(): Promise<void> {
  expect(await readFile(victim, 'utf8')).toBe(SECRET);
  const { uid, gid, mode } = await stat(victim);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 0, gid: 0, mode: 0o600 });
}

describe.runIf(isRoot)('the user postgres of a Weir that runs as root', () => {
  beforeEach(async () => {
    dataFolder = await createTemporaryFolder();
    const { owner } = await locatePostgres(dataFolder);
    postgresUser = { uid: owner.uid ?? 0, gid: owner.gid ?? 0 };
    expect(postgresUser.uid).toBeGreaterThan(0);
    victim = path.join(dataFolder, 'victim');
    await writeFile(victim, SECRET, { mode: 0o600 });
  });
  afterEach(async () => {
    for (const postgres of running.splice(0)) await postgres.stop();
    await rm(dataFolder, { recursive: true });
  });

  it.each(['postgres.log', 'weir.lock', 'superuser-password', 'data.new'])(
    'cannot make root write through a link in place of %s',
    async (name) => {
      await plant(name, (file) => symlink(victim, file));
      await start();
      await expectVictimUntouched();
    },
  );

  it('cannot make root take another file for the password', async () => {
    await plant('password', (file) => symlink(victim, file));
    await expect(start()).rejects.toThrow('password must be a file (found a link)');
    await expectVictimUntouched();
  });

  it('cannot make root take a hard link for the password', async () => {
    await plant('password', (file) => link(victim, file));
    await expect(start()).rejects.toThrow('password must be a file with one name');
    await expectVictimUntouched();
  });

  it('cannot make root hand over the folder that a link leads to', async () => {
    const foreign = path.join(dataFolder, 'foreign');
    await mkdir(foreign, { mode: 0o700 });
    await rm(path.join(dataFolder, 'postgres'), { recursive: true });
    await symlink(foreign, path.join(dataFolder, 'postgres'));
    await expect(start()).rejects.toThrow('must be a folder');
    expect((await stat(foreign)).uid).toBe(0);
  });

  it('cannot make the start wait for a pipe in place of a file', async () => {
    await (await start()).stop();
    const pidFile = path.join(dataFolder, 'postgres', 'data', 'postmaster.pid');
    execFileSync('mkfifo', [pidFile]);
    await expect(start()).rejects.toThrow('postmaster.pid must be a file (found another kind)');
  });

  it('owns nothing but the cluster after a start', async () => {
    await start();
    const folder = path.join(dataFolder, 'postgres');
    const owners = Object.fromEntries(
      await Promise.all(
        ['.', 'password', 'postgres.log', 'weir.lock', 'data'].map(async (name) => [
          name,
          (await stat(path.join(folder, name))).uid === 0 ? 'root' : 'postgres',
        ]),
      ),
    );
    expect(owners).toEqual({
      '.': 'root',
      password: 'root',
      'postgres.log': 'root',
      'weir.lock': 'root',
      data: 'postgres',
    });
  });

  it('gets a folder elsewhere if the data folder is its own', async () => {
    await chmod(dataFolder, 0o755);
    await chown(dataFolder, postgresUser.uid, postgresUser.gid);
    const { folder, movedBecause } = await locatePostgres(dataFolder);
    expect(folder).toMatch(/^\/var\/lib\/weir\//);
    expect(movedBecause).toBe(`${dataFolder} belongs to the user postgres`);
    await rm(folder, { recursive: true });
  });
});

describe('the role of Weir in the embedded Postgres', () => {
  it('is no superuser, and cannot become one', async () => {
    dataFolder = await createTemporaryFolder();
    const postgres = await start();
    const database = await openDatabase({ url: postgres.url });
    const query = createQuery(database);
    expect(await query('select rolsuper, rolcreaterole from pg_roles where rolname = current_user', [])).toEqual([
      { rolsuper: false, rolcreaterole: false },
    ]);
    await expect(query('set role postgres', [])).rejects.toThrow('permission denied');
    await expect(query(`select pg_read_file('/etc/passwd')`, [])).rejects.toThrow('permission denied');
    await database.close(true);
    for (const started of running.splice(0)) await started.stop();
    await rm(dataFolder, { recursive: true });
  });
});
