import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../config/config.ts';
import { resolveKeyPeppers } from './resolve-key-peppers.ts';

const KEY_PEPPER = 'a pepper that is configured';
const FILE_PEPPER = 'a pepper that the file has';

let dataDir: string;
let file: string;
let lines: string[];
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'weir-pepper-'));
  file = path.join(dataDir, 'key-pepper');
  lines = [];
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function resolve(environment: Readonly<Record<string, string>>, isNewCluster: boolean | undefined) {
  const record = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${JSON.stringify(fields)} ${message}`);
  const log = { info: record('info'), warn: record('warn'), error: record('error') };
  return resolveKeyPeppers(readConfig({ DATA_DIR: dataDir, ...environment }), isNewCluster, log);
}

describe('the peppers of a node with the embedded Postgres', () => {
  it('are a generated one for a new database, which is kept for the next start', async () => {
    const peppers = await resolve({}, true);
    expect(peppers).toEqual({ current: expect.stringMatching(/^[0-9a-f]{64}$/), former: [] });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await resolve({}, false)).toEqual(peppers);
    expect(lines).toEqual([expect.stringMatching(/^info .*created a pepper/)]);
    expect(lines.join()).not.toContain(peppers.current);
  });

  it('include the empty one for a database that is older than the file, also at later starts', async () => {
    const peppers = await resolve({}, false);
    expect(peppers).toEqual({ current: expect.stringMatching(/^[0-9a-f]{64}$/), former: [''] });
    expect(await resolve({}, false)).toEqual(peppers);
    expect(lines).toEqual([expect.stringMatching(/^warn .*keys without a pepper still work/)]);
    expect(lines.join()).not.toContain(peppers.current);
  });

  it('begin with KEY_PEPPER where it is set, then those of KEY_PEPPER_PREVIOUS and of the file, each once', async () => {
    await writeFile(file, `${FILE_PEPPER}\nnone\n`);
    expect(await resolve({ KEY_PEPPER }, false)).toEqual({ current: KEY_PEPPER, former: [FILE_PEPPER, ''] });
    const previous = { KEY_PEPPER, KEY_PEPPER_PREVIOUS: `the previous pepper\nnone\n${FILE_PEPPER}` };
    const former = ['the previous pepper', '', FILE_PEPPER];
    expect(await resolve(previous, false)).toEqual({ current: KEY_PEPPER, former });
    expect(await resolve({ KEY_PEPPER: FILE_PEPPER }, false)).toEqual({ current: FILE_PEPPER, former: [''] });
  });

  it.each([true, false])('are not generated where KEY_PEPPER is set (new database: %s)', async (isNew) => {
    expect(await resolve({ KEY_PEPPER }, isNew)).toEqual({ current: KEY_PEPPER, former: [] });
    expect(await readdir(dataDir)).toEqual([]);
  });

  it.each([
    ['', 'must hold a secret'],
    ['short', 'must be peppers of at least 16 characters'],
    ['none', 'must begin with a pepper'],
    [`none\n${FILE_PEPPER}`, 'must begin with a pepper'],
    [`${FILE_PEPPER}\nshort`, 'must be peppers of at least 16 characters'],
  ])('are never guessed where the file is damaged (%j)', async (text, expected) => {
    await writeFile(file, text);
    for (const environment of [{}, { KEY_PEPPER }]) {
      const resolving = resolve(environment, false);
      await expect(resolving).rejects.toThrow(`key-pepper: ${expected}`);
      await expect(resolving).rejects.not.toThrow(FILE_PEPPER);
    }
    expect(await readFile(file, 'utf8')).toBe(text);
  });
});

describe('the peppers of a node with DATABASE_URL', () => {
  it('are those that are configured, and no file is read or created', async () => {
    const database = { DATABASE_URL: 'postgres://db/weir' };
    expect(await resolve(database, undefined)).toEqual({ current: '', former: [] });
    const configured = { ...database, KEY_PEPPER, KEY_PEPPER_PREVIOUS: 'none' };
    expect(await resolve(configured, undefined)).toEqual({ current: KEY_PEPPER, former: [''] });
    expect(await readdir(dataDir)).toEqual([]);
    await writeFile(file, FILE_PEPPER);
    expect(await resolve(database, undefined)).toEqual({ current: '', former: [] });
  });
});
