import { findGoTool } from '../../provision/programs/go-tools.ts';
import { runTool } from './run-tool.ts';

/** Runs Helm and returns what it printed. */
export async function runHelm(...args: readonly string[]): Promise<string> {
  return (await runTool(await findGoTool('helm'), ...args)).stdout;
}

/** Renders the objects of a chart with values files. Later files take precedence. */
export function renderChart(chart: string, kubernetesVersion: string, values: readonly string[]): Promise<string> {
  const files = values.flatMap((file) => ['--values', file]);
  return runHelm('template', 'weir', chart, '--namespace', 'edge', '--kube-version', kubernetesVersion, ...files);
}

/** Rejects unless `rendering` fails with a message of the schema that contains a text and names one fault. */
export async function expectRefusal(file: string, expected: string, rendering: Promise<string>): Promise<void> {
  const message = await rendering.then(
    () => 'the chart takes these values',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (!message.includes("don't meet the specifications of the schema") || !message.includes(expected)) {
    throw new Error(`${file}: expected a fault with "${expected}", got:\n${message}`);
  }
  const faults = message.split('\n').filter((line) => line.startsWith('- at '));
  if (faults.length !== 1) throw new Error(`${file}: must have one fault, has ${faults.length}:\n${message}`);
}
