import { runCommand } from '../run-command.ts';

/**
 * Installs a package from PyPI into a folder, with the pip of a Python: ready-built, and without what it depends on.
 * Rejects without pip.
 */
export async function installPythonPackage(
  python: string,
  packageName: string,
  folder: string,
  ...options: readonly string[]
): Promise<void> {
  const fixed = ['--quiet', '--only-binary', ':all:', '--no-deps', '--target', folder];
  await runCommand(python, '-m', 'pip', 'install', ...fixed, ...options, packageName);
}
