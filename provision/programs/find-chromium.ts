import { existsSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../run-command.ts';
import { installDebianPackage } from './install-debian-package.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];
const PACKAGE = 'chromium';

/**
 * Finds a Chromium that runs on this machine and returns the path of its program. Tries `CHROMIUM_BIN`, then the PATH,
 * then apt, which puts it on the PATH. Rejects with a one-line error that says how to get a Chromium.
 */
export async function findChromium(): Promise<string> {
  const configured = process.env.CHROMIUM_BIN;
  if (configured) {
    await runCommand(configured, '--version').catch((cause: Error) => {
      throw new Error(`CHROMIUM_BIN: must be a Chromium that runs (got "${configured}": ${cause.message})`);
    });
    return configured;
  }
  const found = await findOnPath();
  if (found !== undefined) return found;
  const failure = await installDebianPackage(PACKAGE).then(
    () => `the package ${PACKAGE} contains no program that runs`,
    (error: Error) => error.message,
  );
  const installed = await findOnPath();
  if (installed !== undefined) return installed;
  throw new Error(
    `no Chromium found: set CHROMIUM_BIN, put chromium on the PATH, or run apt-get install ${PACKAGE} as root (${failure})`,
  );
}

/** Skips programs that do not start, such as Ubuntu's chromium-browser, which asks for a snap. */
async function findOnPath(): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const name of PROGRAMS) {
    const file = folders.map((folder) => path.join(folder, name)).find((candidate) => existsSync(candidate));
    if (file !== undefined && (await canRun(file))) return file;
  }
  return undefined;
}

function canRun(file: string): Promise<boolean> {
  return runCommand(file, '--version').then(
    () => true,
    () => false,
  );
}
