// node scripts/deploy/manifests/check-manifests.mjs [FILE...]: checks manifests by the schemas that the projects publish.
// Without a file, those in deploy/ and the objects that the chart renders (test/deploy/golden).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { root } from '../../toolchain.mjs';
import { DownloadFailed, readSource } from './download-sources.mjs';
import { findFieldFaults, parseProto } from './proto-fields.mjs';
import { ResourceSchemas } from './resource-schemas.mjs';

const MESH_CONFIG = 'istio.mesh.v1alpha1.MeshConfig';
const SOURCES = JSON.parse(readFileSync(path.join(root, 'scripts', 'deploy', 'manifests', 'sources.json'), 'utf8'));

const { 'istio-mesh': meshSource, kubernetes, ...definitions } = SOURCES;
const schemas = new ResourceSchemas();
for (const source of Object.values(definitions)) {
  for (const text of await readTexts(source)) schemas.addDefinitions(text);
}
for (const text of await readTexts(kubernetes)) schemas.addOpenApi(text);
const mesh = parseProto((await readTexts(meshSource)).join('\n'));

/** Ends the process with EX_TEMPFAIL of sysexits.h if a source cannot be downloaded. */
async function readTexts(source) {
  try {
    return Object.values(await readSource(source));
  } catch (error) {
    if (!(error instanceof DownloadFailed)) throw error;
    process.stdout.write(`${error.message}\n`);
    process.exit(75);
  }
}

/** Faults of a document: its syntax, its schema, and the mesh configuration that it may hold as text. */
function findFaults(document) {
  const syntaxErrors = [...document.errors, ...document.warnings].map(({ message }) => message);
  if (syntaxErrors.length > 0) return syntaxErrors;
  const resource = document.toJS();
  const meshText = resource?.kind === 'ConfigMap' ? resource.data?.mesh : undefined;
  const meshFaults = meshText === undefined ? [] : findFieldFaults(mesh, MESH_CONFIG, parse(meshText));
  return [...schemas.findFaults(resource), ...meshFaults];
}

/** Templates of the chart and files of Prometheus are no manifests. */
function listManifests() {
  const names = readdirSync(path.join(root, 'deploy'), { recursive: true }).filter(
    (name) => /\.ya?ml$/.test(name) && !/^(?:helm|monitoring)\//.test(name),
  );
  const rendered = readdirSync(path.join(root, 'test', 'deploy', 'golden'));
  return [
    ...names.sort().map((name) => path.join('deploy', name)),
    ...rendered.sort().map((name) => path.join('test', 'deploy', 'golden', name)),
  ];
}

let resources = 0;
let faults = 0;
const files = process.argv.length > 2 ? process.argv.slice(2) : listManifests();
for (const file of files) {
  // Values of a Helm chart are no resources.
  if (path.basename(file).startsWith('values')) continue;
  for (const document of parseAllDocuments(readFileSync(path.resolve(root, file), 'utf8'))) {
    resources++;
    const { kind, metadata } = document.toJS() ?? {};
    for (const fault of findFaults(document)) {
      faults++;
      process.stdout.write(`${file}: ${kind} ${metadata?.name}: ${fault}\n`);
    }
  }
}
process.stdout.write(
  `${resources} resources in ${files.length} files, ${faults === 0 ? 'no faults' : `faults: ${faults}`}\n`,
);
process.exitCode = faults === 0 ? 0 : 1;
