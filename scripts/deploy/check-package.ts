import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckNotRun, type DeployCheck } from './run-checks.ts';
import { runTool, ToolFailed } from './run-tool.ts';
import { BUNDLED_PACKAGES, createSbom, listLicenses } from './sbom.ts';

const PUBLINT = path.join('node_modules', 'publint', 'src', 'cli.js');

/** Licenses of production dependencies that may be distributed with Weir, under Apache-2.0. */
const ALLOWED_LICENSES = new Set(['Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT', 'Python-2.0', 'Unlicense']);

/** npm could not reach a server. */
const NETWORK_FAILURE = /npm error network (.+)/;

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean }>>;
}

/** Checks of the npm package and of its production dependencies. */
export function packageChecks(): readonly DeployCheck[] {
  return [
    {
      name: 'publint: the npm package',
      run: async () => {
        await runTool(process.execPath, PUBLINT, '--strict', '--pack', 'npm');
      },
    },
    { name: 'the SBOM names every production dependency', run: compareSbom },
    { name: 'the SBOM names every package in the console', run: compareConsole },
    { name: 'licenses of the production dependencies', run: checkLicenses },
    { name: 'npm audit signatures', run: checkSignatures },
  ];
}

async function compareSbom(): Promise<void> {
  const { components } = await createSbom();
  const named = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const { packages }: Lock = JSON.parse(await readFile('package-lock.json', 'utf8'));
  const locked = new Set(
    Object.entries(packages)
      .map(([folder, { dev = false, version }]) => ({ name: folder.split('node_modules/').at(-1) ?? '', dev, version }))
      .filter(({ name, dev }) => name !== '' && (!dev || BUNDLED_PACKAGES.has(name)))
      .map(({ name, version }) => `${name}@${version}`),
  );
  const differences = [...locked, ...named].filter((name) => !(locked.has(name) && named.has(name)));
  if (differences.length > 0) throw new Error(`only in one of SBOM and package-lock.json: ${differences.join(', ')}`);
}

/** Compares with the packages whose code Vite found in the bundle. */
async function compareConsole(): Promise<void> {
  const { components } = await createSbom();
  const named = new Set(components.map(({ name, version }) => `${name} - ${version}`));
  const text = await readFile(path.join('dist', 'console', 'licenses.md'), 'utf8');
  const bundled = [...text.matchAll(/^## (.+ - [^ ]+)/gm)].map(([, name = '']) => name);
  const missing = bundled.filter((name) => !named.has(name));
  if (bundled.length === 0 || missing.length > 0) throw new Error(`missing in the SBOM: ${missing.join(', ')}`);
}

async function checkLicenses(): Promise<void> {
  const faults: string[] = [];
  for (const component of (await createSbom()).components) {
    const licenses = listLicenses(component);
    if (licenses.length > 0 && licenses.every((license) => ALLOWED_LICENSES.has(license))) continue;
    faults.push(`${component['bom-ref']}: its license must be allowed (got "${licenses.join(', ')}")`);
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

/** Verifies the registry's signatures and attestations of the installed packages. */
async function checkSignatures(): Promise<void> {
  // `npm run --silent` would silence this npm as well.
  await runTool('npm', 'audit', 'signatures', '--loglevel=error').catch((error: unknown) => {
    const failure = error instanceof ToolFailed ? NETWORK_FAILURE.exec(error.message) : null;
    throw failure === null ? error : new CheckNotRun(failure[1] ?? '');
  });
}
