import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Reads the version in package.json, which stands above src/ and above dist/. */
export function readPackageVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  if (file === undefined) throw new Error('package.json is missing');
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
