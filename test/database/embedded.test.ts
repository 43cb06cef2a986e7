import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.ts';
import { locatePostgres } from '../../src/database/embedded/postgres-location.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';

const isRoot = process.getuid?.() === 0;
const settings = { fsync: 'off' };

let dataFolder: string;
let messages: string[];
const running: EmbeddedPostgres[] = [];

const record = (_: object, message: string) => {
  messages.push(message);
};
const log = { info: record, warn: record, error: record };

async function start(): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataFolder, log, settings });
  running.push(postgres);
  return postgres;
}

async function query(url: string, sql: string): Promise<readonly unknown[]> {
  const database = await openDatabase({ url });
  return createQuery(database)(sql, []).finally(() => database.close(true));
}

beforeEach(async () => {
  messages = [];
  dataFolder = await createTemporaryFolder();
});
afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
  await rm(dataFolder, { recursive: true });
});

describe('the embedded Postgres', () => {
  it('keeps its data across a stop and a new start', async () => {
    const first = await start();
    await query(first.url, 'create table written as select 42 as answer');
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'select answer from written')).toEqual([{ answer: 42 }]);
  });

  it('rejects a second start on the same folder, and names the folder and its holder', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(`${path.join(dataFolder, 'postgres')} is in use by process ${process.pid}`);
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('stops the Postgres of a Weir that was killed, and keeps all committed data', async () => {
    const holder = spawn(process.execPath, [path.join(import.meta.dirname, 'hold-postgres.ts'), dataFolder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await once(holder.stdout, 'data');
    await query(String(output).trim(), 'create table written as select 42 as answer');
    await expect(start()).rejects.toThrow(`in use by process ${holder.pid}`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const postgres = await start();
    expect(messages).toContain('stopping the embedded Postgres of a Weir process that was killed');
    expect(await query(postgres.url, 'select answer from written')).toEqual([{ answer: 42 }]);
  });

  it('takes over the lock of a killed process whose pid another process has now', async () => {
    await (await start()).stop();
    const { folder } = await locatePostgres(dataFolder);
    await writeFile(path.join(folder, 'weir.lock'), `${process.pid} another start time\n`);
    const postgres = await start();
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('starts an initialization again that was cut short', async () => {
    const { folder } = await locatePostgres(dataFolder);
    await mkdir(path.join(folder, 'data.new'));
    await writeFile(path.join(folder, 'data.new', 'PG_VERSION'), '18');
    const postgres = await start();
    expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('keeps a random password that only its owner can read', async () => {
    const { url } = await start();
    const file = path.join(dataFolder, 'postgres', 'password');
    const password = (await readFile(file, 'utf8')).trim();
    expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(new URL(url).password).toBe(password);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('rejects connections without the password', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('repeats the output of Postgres in the error when it cannot start', async () => {
    const refused = startEmbeddedPostgres({ dataFolder, log, settings: { shared_buffers: 'lots' } });
    await expect(refused).rejects.toThrow('invalid value for parameter "shared_buffers"');
  });

  it('listens on 127.0.0.1 only', async () => {
    const { url } = await start();
    expect(new URL(url).hostname).toBe('127.0.0.1');
    expect(await query(url, "select current_setting('listen_addresses') as listen")).toEqual([{ listen: '127.0.0.1' }]);
  });

  it.runIf(isRoot)(
    'uses another folder and logs it, when Weir runs as root and the user postgres cannot reach the data folder',
    async () => {
      await chmod(dataFolder, 0o700);
      const postgres = await start();
      expect(await query(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect(messages[0]).toContain('embedded Postgres uses another folder: the user postgres cannot reach');
      await postgres.stop();
      await rm((await locatePostgres(dataFolder)).folder, { recursive: true });
    },
  );
});
