import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './run-command.ts';

/** apt-get waits for other dpkg runs when told so, but two `update`s at once fail: test files take turns by this lock. */
const LOCK = path.join(tmpdir(), 'weir-apt.lock');
const INSTALL =
  'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends "$0"';

/** Installs a package of Debian or Ubuntu. Rejects with one line where there is no apt-get or no right to use it. */
export async function aptInstall(packageName: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('apt-get: needs root');
  await run('flock', LOCK, 'sh', '-c', INSTALL, packageName);
}
