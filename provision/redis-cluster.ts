import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Certificates, redisTlsOptions } from './certificates.ts';
import { findFreePort } from './free-port.ts';
import { type RunningRedis, startRedisProcess } from './redis.ts';

/** A Redis Cluster on 127.0.0.1, for one test. */
export interface RunningCluster {
  /** REDIS_URL for Weir. Names one master. */
  readonly url: string;
  readonly masters: readonly ClusterNode[];
  /** One replica for each master, in the order of `masters`. */
  readonly replicas: readonly ClusterNode[];
  /** Starts another master. It has no slots yet. */
  addMaster(): Promise<ClusterNode>;
  stop(): Promise<void>;
}

export interface ClusterNode extends RunningRedis {
  /** ID of the node in the cluster. */
  readonly id: string;
  /** A client of this node that acts as the user `default`. */
  readonly client: Redis;
  readonly tlsPort: number | undefined;
}

const SLOT_COUNT = 16_384;
/** A node reports its TLS port to clients only if the nodes also use TLS between each other. */
const TLS_BETWEEN_NODES = ['--tls-cluster', 'yes', '--tls-replication', 'yes'];
const NODE_TIMEOUT_MS = 500;
const FORMATION_TIMEOUT_MS = 30_000;

export interface RedisClusterOptions {
  /** Number of masters. 3 by default. */
  readonly masters?: number;
  /**
   * Makes the nodes use TLS between each other, and on additional ports for Weir. `url` then names one of these ports.
   * `ClusterNode.client` keeps using the port without TLS.
   */
  readonly certificates?: Certificates;
}

/**
 * Starts masters that share the slots evenly, in order, and a replica of each. When a master dies, its replica takes over
 * after about a second. Until then only the slots of that master are unavailable.
 */
export async function startRedisCluster({
  masters = 3,
  certificates,
}: RedisClusterOptions = {}): Promise<RunningCluster> {
  const nodes: ClusterNode[] = [];
  const stop = async () => {
    for (const { client } of nodes) client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let count = 0; count < 2 * masters; count++) nodes.push(await startNode(certificates));
    const cluster = { masters: nodes.slice(0, masters), replicas: nodes.slice(masters) };
    await formCluster(nodes, cluster.masters, cluster.replicas);
    const addMaster = async () => {
      const node = await startNode(certificates);
      nodes.push(node);
      await addToCluster(node, [...cluster.masters, ...cluster.replicas]);
      await waitUntil(() => isUp(node));
      return node;
    };
    return { url: formatUrl(nodes[0]), ...cluster, addMaster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Moves a slot like `redis-cli --cluster reshard`, but slowly: it waits 10 ms before each key. */
export async function moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  for (;;) {
    await sleep(10);
    // Redis replies with an array of keys.
    const keys = (await from.client.cluster('GETKEYSINSLOT', slot, 1)) as string[];
    if (keys.length === 0) break;
    await from.client.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
  }
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}

function formatUrl(node: ClusterNode | undefined): string {
  if (node?.tlsPort === undefined) return `redis+cluster://127.0.0.1:${node?.port}`;
  return `rediss+cluster://127.0.0.1:${node.tlsPort}`;
}

/** Starts a node that is not part of a cluster yet. */
async function startNode(certificates: Certificates | undefined): Promise<ClusterNode> {
  const tlsPort = certificates && (await findFreePort());
  const node = await startRedisProcess({
    extraArguments: [
      ...['--cluster-enabled', 'yes', '--cluster-port', `${await findFreePort()}`],
      ...['--cluster-node-timeout', `${NODE_TIMEOUT_MS}`, '--cluster-require-full-coverage', 'no'],
      ...['--cluster-replica-validity-factor', '0', '--cluster-allow-replica-migration', 'no'],
      ...['--repl-diskless-sync-delay', '0'],
      ...(certificates === undefined || tlsPort === undefined
        ? []
        : [...redisTlsOptions(tlsPort, certificates), ...TLS_BETWEEN_NODES]),
    ],
  });
  const client = new Redis(node.url, { retryStrategy: null });
  client.on('error', () => undefined); // expected once the node has stopped
  const id = String(await client.cluster('MYID'));
  return { ...node, id, client, tlsPort };
}

/** Adds a node to the cluster and waits until all nodes know each other. */
async function addToCluster(node: ClusterNode, members: readonly ClusterNode[]): Promise<void> {
  const [first] = members;
  if (first === undefined) throw new Error('members: must have at least one node');
  const busPort = Number(/@(\d+)/.exec(String(await node.client.cluster('NODES')))?.[1]);
  await first.client.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort);
  for (const { client } of [...members, node]) {
    await waitUntil(async () => (await countKnownNodes(client)) > members.length);
  }
}

async function formCluster(
  nodes: readonly ClusterNode[],
  masters: readonly ClusterNode[],
  replicas: readonly ClusterNode[],
): Promise<void> {
  const slotsPerMaster = SLOT_COUNT / masters.length;
  for (const [i, { client }] of masters.entries()) {
    const [firstSlot, nextSlot] = [Math.ceil(i * slotsPerMaster), Math.ceil((i + 1) * slotsPerMaster)];
    await client.call('CLUSTER', 'ADDSLOTSRANGE', firstSlot, nextSlot - 1);
    // Distinct epochs from the start. Otherwise the masters would have to resolve the conflict while tests run.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const [i, node] of nodes.entries()) if (i > 0) await addToCluster(node, nodes.slice(0, i));
  for (const [i, { client }] of replicas.entries()) {
    await waitUntil(() => client.call('CLUSTER', 'REPLICATE', masters[i]?.id ?? '').then(() => true));
  }
  for (const node of nodes)
    await waitUntil(async () => (await isUp(node)) && (await countServedSlots(node)) === SLOT_COUNT);
  for (const { client } of masters)
    await waitUntil(async () => (await client.info('replication')).includes('state=online'));
}

async function isUp({ client }: ClusterNode): Promise<boolean> {
  return String(await client.cluster('INFO')).includes('cluster_state:ok');
}

/** Counts the slots whose master the node knows and considers up. */
async function countServedSlots({ client }: ClusterNode): Promise<number> {
  return Number(/cluster_slots_ok:(\d+)/.exec(String(await client.cluster('INFO')))?.[1]);
}

async function countKnownNodes(client: Redis): Promise<number> {
  const lines = String(await client.cluster('NODES'))
    .trim()
    .split('\n');
  return lines.filter((line) => !line.includes('handshake')).length;
}

/** Waits until the condition holds. A rejection counts as false. */
async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + FORMATION_TIMEOUT_MS;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline)
      throw new Error(`the Redis Cluster did not form within ${FORMATION_TIMEOUT_MS} ms`);
    await sleep(20);
  }
}
