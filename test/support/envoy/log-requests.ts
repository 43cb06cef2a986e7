import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type EnvoyChange, setClusterPorts, setConnectionManagerField } from '../../../demo/envoy-configuration.ts';

/** Changes to envoy/envoy.yaml that send Envoy's access log to the REQUEST_LOG_ADDRESS of a node: its comments say how. */
export async function logRequests(requestLogPort: number): Promise<readonly EnvoyChange[]> {
  const logger = await readCommented('envoy.access_loggers.http_grpc');
  const cluster = await readCommented('weir-request-log');
  return [
    setConnectionManagerField(['access_log', 1], logger),
    (configuration) => configuration.addIn(['static_resources', 'clusters'], configuration.createNode(cluster)),
    setClusterPorts('weir-request-log', [requestLogPort]),
  ];
}

/** Reads the item with this name of a list that is commented out in envoy/envoy.yaml. */
async function readCommented(name: string): Promise<unknown> {
  const lines = (await readFile('envoy/envoy.yaml', 'utf8')).split('\n');
  const first = lines.findIndex((line) => line.trim() === `# - name: ${name}`);
  const rest = lines.slice(first).map((line) => line.trimStart());
  const length = rest.findIndex((line) => !line.startsWith('#'));
  const [item] = parse(
    rest
      .slice(0, length)
      .map((line) => line.slice(2))
      .join('\n'),
  );
  return item;
}
