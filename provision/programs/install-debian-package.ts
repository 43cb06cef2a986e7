import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand } from '../run-command.ts';

/**
 * Lock file of apt-get. `DPkg::Lock::Timeout` makes `install` wait for other dpkg runs, but two `update`s at the same
 * time fail. Test files take turns with this lock.
 */
const LOCK_FILE = path.join(tmpdir(), 'weir-apt.lock');
const INSTALL_SCRIPT =
  'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends "$0"';

/** Installs a package of Debian or Ubuntu. Rejects with a one-line error without apt-get or without root. */
export async function installDebianPackage(packageName: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('apt-get: needs root');
  await runCommand('flock', LOCK_FILE, 'sh', '-c', INSTALL_SCRIPT, packageName);
}
