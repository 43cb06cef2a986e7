import { runTool } from './run-tool.ts';

/** The fields of a CycloneDX document that Weir reads. */
export interface Sbom {
  readonly components: readonly SbomComponent[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

export interface SbomComponent {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
  readonly licenses?: readonly SbomLicense[];
}

interface SbomLicense {
  readonly license?: { readonly id?: string; readonly name?: string };
  readonly expression?: string;
}

/** Packages that npm lists as development dependencies, and whose code is in the files of `/console` and `/docs`. */
export const BUNDLED_PACKAGES: ReadonlySet<string> = new Set([
  'preact',
  'preact-iso',
  'shell-quote',
  'swagger-ui-dist',
  'uplot',
]);

/**
 * Lists the production dependencies of package-lock.json, those of all platforms included, and the bundled packages, as
 * CycloneDX. `npm sbom --omit dev` would leave out packages that development needs as well, so this lists all and drops those
 * only for development.
 */
export async function createSbom(): Promise<Sbom> {
  const { stdout } = await runTool('npm', 'sbom', '--sbom-format', 'cyclonedx', '--package-lock-only');
  const all: Sbom = JSON.parse(stdout);
  const components = all.components.filter((component) => !isForDevelopment(component));
  const dropped = new Set(all.components.filter(isForDevelopment).map((component) => component['bom-ref']));
  const dependencies = all.dependencies
    .filter(({ ref }) => !dropped.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => !dropped.has(each)) }));
  return { ...all, components, dependencies };
}

function isForDevelopment({ name: packageName, properties = [] }: SbomComponent): boolean {
  if (BUNDLED_PACKAGES.has(packageName)) return false;
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}

/** Names the licenses of a component. All of them apply. An expression with OR stays one text. Empty: it names none. */
export function listLicenses({ licenses = [] }: SbomComponent): readonly string[] {
  return licenses.flatMap(({ license, expression }) => {
    if (expression === undefined) return [license?.id ?? license?.name ?? ''];
    return expression.includes(' OR ') ? [expression] : expression.replaceAll(/[()]/g, '').split(' AND ');
  });
}
