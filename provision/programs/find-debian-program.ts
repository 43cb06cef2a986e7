import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../run-command.ts';

/** Programs, each with the package of Debian that contains it. */
const PACKAGES = { promtool: 'prometheus', amtool: 'prometheus-alertmanager' };

const cacheFolder = fileURLToPath(new URL('../../.cache/debian-programs/', import.meta.url));

/**
 * Returns the path of a program: the one on the PATH, or the one from Debian's package, which it unpacks in `.cache/`.
 * The package is not installed, so no server starts. Rejects without apt-get.
 */
export async function findDebianProgram(name: keyof typeof PACKAGES): Promise<string> {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const installed = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (installed !== undefined) return installed;
  const folder = path.join(cacheFolder, PACKAGES[name]);
  if (!existsSync(folder)) await unpackPackage(PACKAGES[name], folder);
  return path.join(folder, 'usr', 'bin', name);
}

async function unpackPackage(packageName: string, target: string): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, 'new-'));
  const download = () => runCommand('sh', '-c', 'cd "$0" && exec apt-get -qq download "$1"', folder, packageName);
  try {
    // A machine whose lists of packages are missing or old needs them first.
    await download().catch(async () => {
      await runCommand('apt-get', '-qq', 'update');
      await download();
    });
    const archive = (await readdir(folder)).find((file) => file.endsWith('.deb')) ?? '';
    await runCommand('dpkg-deb', '--extract', path.join(folder, archive), path.join(folder, 'unpacked'));
    await rename(path.join(folder, 'unpacked'), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
