import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type EnvoyChange, setClusterField } from '../../demo/envoy-configuration.ts';
import { startEnvoy } from '../../demo/start-envoy.ts';
import { startUpstream } from '../../demo/upstream.ts';
import { newDatabase } from '../support/databases.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { type Environment, TestNode } from '../support/node.ts';
import { L4Balancer } from '../support/servers/l4-balancer.ts';

/** Each of Envoy's two workers opens one, and replaces it twice. */
const MIN_CONNECTIONS = 6;
const CONCURRENT_REQUESTS = 4;
const REQUESTS_BEFORE_SECOND_NODE = 100;

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

/** Starts two nodes, a balancer that knows the first one only, and an Envoy that calls the balancer. */
async function startBalancedNodes(environment: Environment, ...changes: readonly EnvoyChange[]) {
  const database = { DATABASE_URL: await newDatabase() };
  const nodes: TestNode[] = [];
  for (let count = 0; count < 2; count++) {
    const node = await TestNode.start({ ...database, ...environment });
    resources.defer(() => node.stop());
    nodes.push(node);
  }
  const ports = nodes.map(({ app }) => app.ports.decision ?? 0);
  const balancer = await L4Balancer.start(ports.slice(0, 1));
  resources.defer(() => balancer.stop());
  const upstream = await startUpstream('127.0.0.1', 0);
  resources.defer(() => upstream.stop());
  const envoy = await startEnvoy({ weirPort: balancer.port, upstreamPort: upstream.port }, ...changes);
  resources.defer(() => envoy.stop());
  return { nodes, ports, balancer, envoy };
}

/** Decisions of a node, from its metrics. */
async function countDecisions(node: TestNode): Promise<number> {
  const counts = (await node.metrics()).matchAll(/^weir_decisions_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/**
 * Sends requests without a credential until Envoy has opened enough connections, and adds the second node after a
 * while. A request gets 401 if Weir has decided it, and 503 if Envoy's call has failed.
 */
async function sendWhileNodeIsAdded({ nodes, ports, balancer, envoy }: Awaited<ReturnType<typeof startBalancedNodes>>) {
  const statuses: number[] = [];
  const sendRequests = async (): Promise<void> => {
    while (balancer.connectionCount < MIN_CONNECTIONS) {
      statuses.push((await sendThrough(envoy.origin, { path: '/', headers: [] })).status);
      if (statuses.length === REQUESTS_BEFORE_SECOND_NODE) balancer.serverPorts.push(...ports.slice(1));
      await sleep(10);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, sendRequests));
  return { statuses, decisions: await Promise.all(nodes.map(countDecisions)) };
}

describe('an Envoy behind a layer-4 balancer', () => {
  it.each<[string, Environment, EnvoyChange[]]>([
    ['the nodes limit the age of connections', { DECISION_MAX_CONNECTION_AGE: '10s' }, []],
    ['Envoy limits the requests of a connection', {}, [limitRequestsPerConnection(200)]],
  ])(
    'reaches a node that was added later, without a failed request, when %s',
    async (_, environment, changes) => {
      const { statuses, decisions } = await sendWhileNodeIsAdded(await startBalancedNodes(environment, ...changes));
      const [first = 0, second = 0] = decisions;
      expect(statuses.length).toBeGreaterThan(REQUESTS_BEFORE_SECOND_NODE);
      expect(statuses.filter((status) => status !== 401)).toEqual([]);
      expect(second).toBeGreaterThan(0);
      expect(first + second).toBe(statuses.length);
    },
    120_000,
  );
});

function limitRequestsPerConnection(count: number): EnvoyChange {
  const protocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return setClusterField(
    'weir',
    ['typed_extension_protocol_options', protocolOptions, 'common_http_protocol_options'],
    { max_requests_per_connection: count },
  );
}
