import { readFile, symlink } from 'node:fs/promises';
import path from 'node:path';

interface LibraryLink {
  /** Path of the library in the package. */
  readonly source: string;
  /** Path of the link to it. */
  readonly target: string;
}

/**
 * Creates the links between the libraries of the packaged Postgres that are missing. Packages of npm contain no links, and
 * npm does not run the install script that creates them unless its user allows it. `packageFolder` is that of the
 * platform's package.
 */
export async function linkLibraries(packageFolder: string): Promise<void> {
  const links: readonly LibraryLink[] = JSON.parse(await readLinks(packageFolder));
  for (const { source, target } of links) {
    try {
      await symlink(path.basename(source), path.join(packageFolder, target));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

/** Packages without links, such as that for Windows, have no such file. */
function readLinks(packageFolder: string): Promise<string> {
  return readFile(path.join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
}
