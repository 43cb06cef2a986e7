import { Redis } from 'ioredis';
import { type ConnectionSettings, DISCOVERY_TIMEOUT_MS } from '../connection/connection-settings.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type ClusterSlots, parseClusterSlots } from './cluster-slots.ts';

export interface ClusterDiscoveryOptions {
  /** Nodes of the cluster to begin with, and to come back to when no other answers. */
  readonly seeds: readonly Host[];
  readonly settingsFor: (node: Host) => ConnectionSettings;
}

/** Asks the cluster who holds its slots, each time another node: what one of them knows may be old. */
export class ClusterDiscovery {
  readonly #options: ClusterDiscoveryOptions;
  #nodes: readonly Host[];
  #turn = 0;
  #client: Redis | undefined;
  #isClosed = false;

  constructor(options: ClusterDiscoveryOptions) {
    this.#options = options;
    this.#nodes = options.seeds;
  }

  /** Asks the known nodes one by one until one answers; rejects with the last error when none does. One at a time. */
  async discoverSlots(): Promise<ClusterSlots> {
    let failure: unknown = new Error('closed');
    const candidates = [...inTurn(this.#nodes, this.#turn++), ...this.#options.seeds];
    for (const node of candidates) {
      if (this.#isClosed) break;
      try {
        const slots = await this.#askNode(node);
        if (slots.nodes.length > 0) {
          this.#nodes = distinct(slots.nodes);
          return slots;
        }
        failure = new Error('no slots are assigned');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.disconnect();
  }

  async #askNode(node: Host): Promise<ClusterSlots> {
    const client = new Redis({
      ...this.#options.settingsFor(node),
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false, // a node that loads its data knows the slots already
      connectTimeout: DISCOVERY_TIMEOUT_MS,
      commandTimeout: DISCOVERY_TIMEOUT_MS,
    });
    let failure: Error | undefined;
    client.on('error', (error: Error) => {
      failure = error;
    });
    this.#client = client;
    try {
      await client.connect();
      return parseClusterSlots(await client.cluster('SLOTS'), node);
    } catch (error) {
      throw failure ?? error; // ioredis rejects with "Connection is closed.", whatever closed it
    } finally {
      client.disconnect();
    }
  }
}

function inTurn<T>(list: readonly T[], turn: number): readonly T[] {
  const first = turn % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function distinct(hosts: readonly Host[]): readonly Host[] {
  return [...new Map(hosts.map((each) => [formatHost(each), each])).values()];
}
