import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.ts';
import { createQuery, openDatabase } from '../src/database/open-database.ts';

/** A Postgres for tests. Each test creates its own databases. */
export interface RunningPostgres {
  /** Creates a database and returns its URL. It is empty, or a copy of the template: a database without connections. */
  createDatabase(template?: string): Promise<string>;
  /** Drops the databases. Stops the server unless `DATABASE_URL` named it. */
  stop(): Promise<void>;
}

/** Creates a folder in the temporary folder. The user that Postgres runs as can read it, even if tests run as root. */
export async function createTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-test-'));
  await chmod(folder, 0o755);
  return folder;
}

/** Uses the server that `DATABASE_URL` names. Without one, starts an embedded server in a temporary folder. */
export async function usePostgres(): Promise<RunningPostgres> {
  const url = process.env.DATABASE_URL;
  return url === undefined || url === '' ? startPostgres() : useServer(url);
}

/**
 * Starts a server for one test only, with additional configuration parameters. `roleAttributes` are those of the role
 * that the tests use.
 */
export async function startPostgres(
  parameters: Readonly<Record<string, string>> = {},
  roleAttributes = 'createdb',
): Promise<RunningPostgres> {
  const dataFolder = await createTemporaryFolder();
  const log = { info: () => {}, warn: console.warn, error: console.error };
  // All test files of a run share the server. Each node keeps up to ten connections.
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '400', ...parameters };
  const embedded = await startEmbeddedPostgres({ dataFolder, log, settings, roleAttributes });
  const { createDatabase, close } = await openServer(embedded.url);
  const stop = async () => {
    await close();
    await embedded.stop();
    await rm(dataFolder, { recursive: true });
  };
  return { createDatabase, stop };
}

async function useServer(url: string): Promise<RunningPostgres> {
  const { createDatabase, databases, run, close } = await openServer(url);
  const stop = async () => {
    for (const name of databases) await run(`drop database ${name} with (force)`);
    await close();
  };
  return { createDatabase, stop };
}

async function openServer(serverUrl: string) {
  const server = await openDatabase({ url: serverUrl });
  const query = createQuery(server);
  const run = (sql: string) => query(sql, []);
  const databases: string[] = [];
  const createDatabase = async (template?: string): Promise<string> => {
    const name = `weir_test_${randomBytes(8).toString('hex')}`;
    const source = template === undefined ? '' : ` template ${new URL(template).pathname.slice(1)}`;
    await run(`create database ${name}${source}`);
    databases.push(name);
    const url = new URL(serverUrl);
    url.pathname = name;
    return url.href;
  };
  return { createDatabase, databases, run, close: () => server.close(true) };
}
