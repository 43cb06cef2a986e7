import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.ts';
import { createQuery, openDatabase } from '../src/database/open-database.ts';

/** A new folder that Postgres' own user can reach, also when the tests run as root. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-test-'));
  await chmod(folder, 0o755);
  return folder;
}

/**
 * A real Postgres for the tests of a file: DATABASE_URL's server, else an embedded one. Gives a function that makes an
 * empty database on it and gives its URL; at the end all of them are dropped.
 */
export function usePostgres(): () => Promise<string> {
  let server: { readonly url: string; stop(): Promise<void> };
  const databases: string[] = [];

  const run = async (sql: string) => {
    const database = await openDatabase({ url: server.url });
    await createQuery(database)(sql, []).finally(() => database.close(true));
  };
  beforeAll(async () => {
    const url = process.env.DATABASE_URL;
    server = url === undefined || url === '' ? await startTemporary() : { url, stop: async () => {} };
  });
  afterAll(async () => {
    for (const name of databases) await run(`drop database ${name} with (force)`);
    await server.stop();
  });

  return async () => {
    const name = `weir_test_${randomBytes(8).toString('hex')}`;
    await run(`create database ${name}`);
    databases.push(name);
    const url = new URL(server.url);
    url.pathname = name;
    return url.href;
  };
}

async function startTemporary(): Promise<EmbeddedPostgres> {
  const dataFolder = await temporaryFolder();
  const log = { info: () => {}, warn: console.warn, error: console.error };
  const postgres = await startEmbeddedPostgres({ dataFolder, log, settings: { fsync: 'off' } });
  const stop = async () => {
    await postgres.stop();
    await rm(dataFolder, { recursive: true });
  };
  return { url: postgres.url, stop };
}
