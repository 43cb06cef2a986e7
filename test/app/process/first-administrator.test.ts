import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findFreePort } from '../../../provision/free-port.ts';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { newEmptyDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, type Environment, TestNode } from '../../support/node.ts';
import { WeirProcess } from '../../support/weir-process.ts';

/** Takes a port of 127.0.0.1 until `release`. */
async function takePort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  return { port, release: () => server.close() };
}

async function countTables(url: string): Promise<number> {
  const database = await openDatabase({ url });
  const rows = await createQuery(database)(`select from pg_tables where schemaname = 'public'`, []);
  await database.close(true);
  return rows.length;
}

describe('a start whose port is in use', () => {
  it.each(['ADMIN_ADDRESS', 'DECISION_ADDRESS', 'HTTP_ADDRESS', 'METRICS_ADDRESS', 'JSON_ADDRESS'])(
    'fails for %s before it creates the administrator whose password is shown once',
    async (variable) => {
      const taken = await takePort();
      const url = await newEmptyDatabase();
      const weir = new WeirProcess(['serve'], {
        DATABASE_URL: url,
        ADMIN_ADDRESS: `127.0.0.1:${await findFreePort()}`,
        DECISION_ADDRESS: `127.0.0.1:${await findFreePort()}`,
        HTTP_ADDRESS: `127.0.0.1:${await findFreePort()}`,
        [variable]: `127.0.0.1:${taken.port}`,
      });
      expect(await weir.exited).toBe(1);
      taken.release();
      expect(weir.printed).toContain(`${variable}: `);
      expect(weir.printed).toContain('EADDRINUSE');
      expect(weir.printed).not.toContain('shown only once');
      expect(await countTables(url)).toBe(0);
    },
  );
});

describe('settings of the first administrator on an existing database', () => {
  async function readWarnings(url: string, environment: Environment): Promise<string[]> {
    const warnings: string[] = [];
    const warn = (fields: object, message: string) => {
      if (message.includes('first administrator')) warnings.push(JSON.stringify(fields));
    };
    const node = await TestNode.start({ DATABASE_URL: url, ...environment }, { info: () => {}, warn, error: () => {} });
    await node.stop();
    return warnings;
  }

  it('are warned about where they have no effect, without the password', async () => {
    const url = await newEmptyDatabase();
    expect(await readWarnings(url, {})).toEqual([]);
    expect(await readWarnings(url, {})).toEqual([]);
    const changed = await readWarnings(url, { ADMIN_PASSWORD: 'correct-horse-battery' });
    expect(changed).toEqual([expect.stringContaining('"ADMIN_PASSWORD"')]);
    expect(changed.join()).not.toContain('correct-horse');
    expect(await readWarnings(url, { ADMIN_EMAIL: 'other@example.com' })).toEqual([
      expect.stringContaining('"ADMIN_EMAIL"'),
    ]);
    expect(await readWarnings(url, { ADMIN_EMAIL: ADMINISTRATOR.email.toUpperCase() })).toEqual([]);
  });
});
