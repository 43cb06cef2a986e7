import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type RunningPostgres, usePostgres } from '../../provision/postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase } from '../../src/database/open-database.ts';

/**
 * Global set-up of a test run: one Postgres for all test files. The first request for a database starts it, so a run of
 * unit tests, or a listing of the tests, starts none. Test files ask through databases.ts.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  let shared: Promise<SharedPostgres> | undefined;
  const server = createServer((request, response) => {
    shared ??= startShared();
    shared
      .then(({ postgres, template }) => postgres.createDatabase(request.url === '/migrated' ? template : undefined))
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  project.provide('databases', `http://127.0.0.1:${port}`);
  return async () => {
    server.closeAllConnections();
    server.close();
    await (await shared)?.postgres.stop();
  };
}

interface SharedPostgres {
  readonly postgres: RunningPostgres;
  /** URL of a database with the current schema. Copying it is much faster than migrating an empty one. */
  readonly template: string;
}

async function startShared(): Promise<SharedPostgres> {
  const postgres = await usePostgres();
  const template = await postgres.createDatabase();
  const database = await openDatabase({ url: template });
  await migrate(database).finally(() => database.close(true));
  return { postgres, template };
}
