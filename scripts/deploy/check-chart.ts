import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DASHBOARD_FOLDER } from './dashboards/all-dashboards.ts';
import { expectRefusal, renderChart, runHelm } from './helm.ts';
import type { DeployCheck } from './run-checks.ts';

const CHART = path.join('deploy', 'helm', 'weir');
const CASES = path.join(CHART, 'ci');
const GOLDEN = path.join('test', 'deploy', 'golden');
const BAD_VALUES = path.join('test', 'deploy', 'bad-values');
/** Version of Kubernetes for which objects are rendered: that of the schemas in manifests/sources.json. */
const KUBERNETES_VERSION = '1.30';

/** Checks of the chart, with Helm. With `isUpdate`, writes golden files instead of comparing them. */
export function chartChecks(isUpdate: boolean): readonly DeployCheck[] {
  return [
    { name: 'helm lint --strict', run: lintCases },
    { name: 'golden files of the chart', run: () => compareGoldenFiles(isUpdate) },
    { name: 'bad values fail the schema', run: rejectBadValues },
  ];
}

/** Values files of the chart, by the name of their case. */
async function listCases(): Promise<ReadonlyMap<string, string>> {
  const files = await readdir(CASES);
  return new Map(files.sort().map((file) => [file.replace('-values.yaml', ''), path.join(CASES, file)]));
}

async function lintCases(): Promise<void> {
  for (const file of (await listCases()).values()) {
    await runHelm('lint', '--strict', '--quiet', '--kube-version', KUBERNETES_VERSION, CHART, '--values', file);
  }
}

async function renderCases(): Promise<ReadonlyMap<string, string>> {
  const rendered = new Map<string, string>();
  for (const [name, file] of await listCases())
    rendered.set(name, await renderChart(CHART, KUBERNETES_VERSION, [file]));
  return rendered;
}

async function compareGoldenFiles(isUpdate: boolean): Promise<void> {
  const changed: string[] = [];
  for (const [name, objects] of await renderCases()) {
    const file = path.join(GOLDEN, `${name}.golden.yaml`);
    const text = await leaveOutDashboards(objects);
    if (isUpdate) await writeFile(file, text);
    else if ((await readFile(file, 'utf8').catch(() => '')) !== text) changed.push(file);
  }
  if (changed.length > 0) {
    throw new Error(`the chart renders something else: ${changed.join(', ')}; npm run check:deploy -- --update`);
  }
}

/** Replaces the dashboards by the names of their files, if they are what these contain. */
async function leaveOutDashboards(objects: string): Promise<string> {
  let text = objects;
  for (const name of await readdir(DASHBOARD_FOLDER)) {
    const content = await readFile(path.join(DASHBOARD_FOLDER, name), 'utf8');
    const lines = content.trimEnd().replace(/^/gm, '    ');
    text = text.replace(`  weir-${name}: |\n${lines}\n`, `  weir-${name}: (${DASHBOARD_FOLDER}/${name})\n`);
  }
  return text;
}

/** The first line of each file says what the message about its one fault contains. */
async function rejectBadValues(): Promise<void> {
  const valid = path.join(CASES, 'minimal-values.yaml');
  for (const name of await readdir(BAD_VALUES)) {
    const file = path.join(BAD_VALUES, name);
    const [expected = ''] = (await readFile(file, 'utf8')).replace(/^# /, '').split('\n');
    await expectRefusal(file, expected, renderChart(CHART, KUBERNETES_VERSION, [valid, file]));
  }
}
