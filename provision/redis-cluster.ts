import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Certificates, tlsOptions } from './certificates.ts';
import { freePort } from './free-port.ts';
import { type RunningRedis, startRedisProcess } from './redis.ts';

/** A cluster of our own on 127.0.0.1. */
export interface RunningCluster {
  /** For Weir, naming one master. */
  readonly url: string;
  readonly masters: readonly ClusterNode[];
  /** Of each master one, in their order. */
  readonly replicas: readonly ClusterNode[];
  /** Starts one more master, which has no slots yet. */
  addMaster(): Promise<ClusterNode>;
  stop(): Promise<void>;
}

export interface ClusterNode extends RunningRedis {
  /** What the cluster calls it. */
  readonly id: string;
  /** As the server's user `default`. */
  readonly client: Redis;
  readonly tlsPort: number | undefined;
}

const SLOTS = 16_384;
/** A node names its port for TLS to clients only where the nodes use it among themselves. */
const TLS_AMONG_NODES = ['--tls-cluster', 'yes', '--tls-replication', 'yes'];
const NODE_TIMEOUT_MS = 500;
const FORMING_TIMEOUT_MS = 30_000;

export interface ClusterChoices {
  /** Else 3. */
  readonly masters?: number;
  /** Then the URL is for TLS, on further ports, and so are the nodes among themselves; their clients go on without. */
  readonly certificates?: Certificates;
}

/**
 * Masters with the slots dealt out evenly, in order, and a replica of each. A master that is gone is replaced after about
 * a second, and takes only its own slots with it.
 */
export async function startRedisCluster({ masters = 3, certificates }: ClusterChoices = {}): Promise<RunningCluster> {
  const nodes: ClusterNode[] = [];
  const stop = async () => {
    for (const { client } of nodes) client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let count = 0; count < 2 * masters; count++) nodes.push(await startNode(certificates));
    const cluster = { masters: nodes.slice(0, masters), replicas: nodes.slice(masters) };
    await form(nodes, cluster.masters, cluster.replicas);
    const addMaster = async () => {
      const node = await startNode(certificates);
      nodes.push(node);
      await meet(node, [...cluster.masters, ...cluster.replicas]);
      await until(() => isUp(node));
      return node;
    };
    return { url: urlOf(nodes[0]), ...cluster, addMaster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Moves a slot as `redis-cli --cluster reshard` does, but slowly: some ms for each key. */
export async function moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  for (;;) {
    await sleep(10);
    const keys = (await from.client.cluster('GETKEYSINSLOT', slot, 1)) as string[];
    if (keys.length === 0) break;
    await from.client.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys);
  }
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}

function urlOf(node: ClusterNode | undefined): string {
  if (node?.tlsPort === undefined) return `redis+cluster://127.0.0.1:${node?.port}`;
  return `rediss+cluster://127.0.0.1:${node.tlsPort}`;
}

/** A node that is not part of a cluster yet. */
async function startNode(certificates: Certificates | undefined): Promise<ClusterNode> {
  const tlsPort = certificates && (await freePort());
  const node = await startRedisProcess({
    options: [
      ...['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`],
      ...['--cluster-node-timeout', `${NODE_TIMEOUT_MS}`, '--cluster-require-full-coverage', 'no'],
      ...['--cluster-replica-validity-factor', '0', '--cluster-allow-replica-migration', 'no'],
      ...['--repl-diskless-sync-delay', '0'],
      ...(certificates === undefined || tlsPort === undefined
        ? []
        : [...tlsOptions(tlsPort, certificates), ...TLS_AMONG_NODES]),
    ],
  });
  const client = new Redis(node.url, { retryStrategy: null });
  client.on('error', () => undefined); // the node was stopped
  const id = String(await client.cluster('MYID'));
  return { ...node, id, client, tlsPort };
}

/** Makes the node known to the cluster, and waits until each of the others knows it. */
async function meet(node: ClusterNode, known: readonly ClusterNode[]): Promise<void> {
  const [first] = known;
  if (first === undefined) throw new Error('a cluster has a node');
  const busPort = Number(/@(\d+)/.exec(String(await node.client.cluster('NODES')))?.[1]);
  await first.client.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort);
  for (const { client } of [...known, node]) await until(async () => (await knownNodes(client)) > known.length);
}

async function form(
  nodes: readonly ClusterNode[],
  masters: readonly ClusterNode[],
  replicas: readonly ClusterNode[],
): Promise<void> {
  const share = SLOTS / masters.length;
  for (const [i, { client }] of masters.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', Math.ceil(i * share), Math.ceil((i + 1) * share) - 1);
    // Epochs that differ from the first, so that no two masters have to sort that out while tests run.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
  }
  for (const [i, node] of nodes.entries()) if (i > 0) await meet(node, nodes.slice(0, i));
  for (const [i, { client }] of replicas.entries()) {
    await until(() => client.call('CLUSTER', 'REPLICATE', masters[i]?.id ?? '').then(() => true));
  }
  for (const node of nodes) await until(async () => (await isUp(node)) && (await slotsOf(node)) === SLOTS);
  for (const { client } of masters)
    await until(async () => (await client.info('replication')).includes('state=online'));
}

async function isUp({ client }: ClusterNode): Promise<boolean> {
  return String(await client.cluster('INFO')).includes('cluster_state:ok');
}

/** How many of the slots the node knows a master of. */
async function slotsOf({ client }: ClusterNode): Promise<number> {
  return Number(/cluster_slots_ok:(\d+)/.exec(String(await client.cluster('INFO')))?.[1]);
}

async function knownNodes(client: Redis): Promise<number> {
  const lines = String(await client.cluster('NODES'))
    .trim()
    .split('\n');
  return lines.filter((line) => !line.includes('handshake')).length;
}

/** Waits until the condition holds; one that rejects does not hold. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + FORMING_TIMEOUT_MS;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > givenUpAt) throw new Error(`no Redis Cluster was formed within ${FORMING_TIMEOUT_MS} ms`);
    await sleep(20);
  }
}
