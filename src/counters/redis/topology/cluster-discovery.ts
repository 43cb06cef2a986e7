import type { Redis } from 'ioredis';
import { type ConnectionSettings, DISCOVERY_TIMEOUT_MS } from '../connection/connection-settings.ts';
import { openClient } from '../connection/open-client.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type ClusterSlots, parseClusterSlots } from './cluster-slots.ts';

export interface ClusterDiscoveryOptions {
  /** Nodes of the cluster to begin with, and to fall back to when no other node answers. */
  readonly seeds: readonly Host[];
  readonly settingsFor: (node: Host) => ConnectionSettings;
}

/** Asks the cluster which master has which slots. Each query begins with another node, because one may be out of date. */
export class ClusterDiscovery {
  readonly #options: ClusterDiscoveryOptions;
  #nodes: readonly Host[];
  #queryCount = 0;
  #client: Redis | undefined;
  #isClosed = false;

  constructor(options: ClusterDiscoveryOptions) {
    this.#options = options;
    this.#nodes = options.seeds;
  }

  /**
   * Asks the nodes one by one until one answers. Rejects with the last error when none does. Must not be called again
   * before it has settled.
   */
  async discoverSlots(): Promise<ClusterSlots> {
    let failure: unknown = new Error('closed');
    const candidates = [...rotate(this.#nodes, this.#queryCount++), ...this.#options.seeds];
    for (const node of candidates) {
      if (this.#isClosed) break;
      try {
        const slots = await this.#queryNode(node);
        if (slots.nodes.length > 0) {
          this.#nodes = removeDuplicates(slots.nodes);
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

  async #queryNode(node: Host): Promise<ClusterSlots> {
    const { options, readLogin } = this.#options.settingsFor(node);
    const client = openClient({
      options: {
        ...options,
        lazyConnect: true,
        retryStrategy: null,
        enableReadyCheck: false, // a node that is still loading its data already knows the slots
        connectTimeout: DISCOVERY_TIMEOUT_MS,
        commandTimeout: DISCOVERY_TIMEOUT_MS,
      },
      readLogin,
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
      throw failure ?? error; // ioredis always rejects with "Connection is closed.", whatever closed it
    } finally {
      client.disconnect();
    }
  }
}

/** Returns the list beginning with the element at `start`, which wraps around. */
function rotate<T>(list: readonly T[], start: number): readonly T[] {
  const first = start % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

function removeDuplicates(hosts: readonly Host[]): readonly Host[] {
  return [...new Map(hosts.map((host) => [formatHost(host), host])).values()];
}
