import { readdirSync, readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';

/** A container as far as tests read it. */
export interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: unknown;
  readonly livenessProbe?: unknown;
  readonly readinessProbe?: { readonly grpc?: { readonly port: number } };
}

interface Volume {
  readonly name: string;
  readonly projected?: {
    readonly sources: readonly { readonly secret: { readonly items: readonly { readonly path: string }[] } }[];
  };
}

/** Fields of a pod as far as tests read them. */
export interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly securityContext: unknown;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly [Container];
  readonly volumes: readonly Volume[];
}

/** An object that the chart renders. */
export interface ChartObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod } } & {
    readonly selector: Labels;
    readonly ports: readonly { readonly targetPort: string }[];
  };
}

type Labels = Readonly<Record<string, string>>;

const GOLDEN_FOLDER = 'test/deploy/golden';

/** Names of the cases: the values files in ci/ of the chart. */
export const CHART_CASES = readdirSync(GOLDEN_FOLDER).map((file) => file.replace('.golden.yaml', ''));

/** Reads the objects of a case. `npm run check:deploy` holds the golden files and the chart together. */
export function readChartObjects(name: string): readonly ChartObject[] {
  return loadAll(readFileSync(`${GOLDEN_FOLDER}/${name}.golden.yaml`, 'utf8')).filter(isChartObject);
}

/** check-manifests.mjs has checked the form of an object. A file may begin with an empty document. */
function isChartObject(document: unknown): document is ChartObject {
  return typeof document === 'object' && document !== null;
}

/** Pods of a case, by the name of the Deployment or Job. */
export function readPods(name: string): readonly (readonly [owner: string, pod: Pod])[] {
  return readChartObjects(name)
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ metadata, spec }) => [metadata.name, spec.template.spec]);
}

/** Names of the secrets that a pod gets as files. */
export function listSecretFiles({ volumes }: Pod): readonly string[] {
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  return sources.flatMap(({ secret }) => secret.items.map((item) => item.path));
}
