import { execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSecretFile, generateSecret, readSecretFile } from './secret-file.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-secret-'));
  file = path.join(folder, 'data', 'secret');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const loadOrCreate = async () => (await readSecretFile(file)) ?? createSecretFile(file, generateSecret());

describe('a secret file', () => {
  it('gives one secret to processes that start together, and only the current user can read it', async () => {
    const secrets = await Promise.all(Array.from({ length: 8 }, loadOrCreate));
    expect(new Set(secrets).size).toBe(1);
    const [secret] = secrets;
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(await readdir(path.dirname(file))).toEqual(['secret']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await loadOrCreate()).toBe(secret);
  });

  it.each([0o755, 0o700])('is created as securely in a folder of the mode %o that exists', async (mode) => {
    await mkdir(path.dirname(file), { mode });
    await loadOrCreate();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('can have several names, as copies of a backup by hard links have', async () => {
    const secret = await loadOrCreate();
    await link(file, path.join(folder, 'backup'));
    expect(await loadOrCreate()).toBe(secret);
  });

  it('is never read or written through a link, whether or not that leads to a file', async () => {
    const victim = path.join(folder, 'victim');
    await mkdir(path.dirname(file));
    await symlink(victim, file);
    await expect(loadOrCreate()).rejects.toThrow('secret must be a file (found a link)');
    await expect(createSecretFile(file, 'text')).rejects.toThrow('secret must be a file (found a link)');
    await expect(stat(victim)).rejects.toThrow('ENOENT');
    await writeFile(victim, 'a file of another user');
    await expect(loadOrCreate()).rejects.toThrow('secret must be a file (found a link)');
    expect(await readFile(victim, 'utf8')).toBe('a file of another user');
  });

  it('is not taken from a folder, a pipe or an empty file', async () => {
    await mkdir(file, { recursive: true });
    await expect(loadOrCreate()).rejects.toThrow('secret must be a file');
    await rm(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    await expect(loadOrCreate()).rejects.toThrow('secret must be a file');
    await rm(file);
    await writeFile(file, '\n');
    await expect(loadOrCreate()).rejects.toThrow('must hold a secret (found an empty file)');
  });
});
