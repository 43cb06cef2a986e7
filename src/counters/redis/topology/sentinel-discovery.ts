import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { type ConnectionSettings, DISCOVERY_TIMEOUT_MS } from '../connection/connection-settings.ts';
import { openClient } from '../connection/open-client.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';

export interface SentinelDiscoveryOptions {
  readonly sentinels: readonly Host[];
  readonly settingsFor: (sentinel: Host) => ConnectionSettings;
  /** The name of the master in the Sentinels' configuration. */
  readonly master: string;
}

interface Sentinel {
  readonly name: string;
  readonly client: Redis;
  /** The reason why it is not connected. undefined while it is, and before the first attempt has ended. */
  lastError: string | undefined;
}

interface MasterAnswer {
  readonly host: Host;
  /** Increases with each failover that the Sentinels agreed on. */
  readonly epoch: number;
}

/**
 * Asks all Sentinels for the address of the master. A Sentinel that was partitioned may name an old master, so the answer
 * with the highest epoch wins.
 */
export class SentinelDiscovery {
  readonly #sentinels: readonly Sentinel[];
  readonly #master: string;

  constructor({ sentinels, settingsFor, master }: SentinelDiscoveryOptions) {
    this.#master = master;
    this.#sentinels = sentinels.map((host) => connectSentinel(host, settingsFor(host)));
  }

  /** Returns the address of the master. Rejects when no Sentinel knows it, with the reason of each. */
  async discoverMaster(): Promise<Host> {
    const answers = await Promise.all(this.#sentinels.map((sentinel) => this.#query(sentinel)));
    let newest: MasterAnswer | undefined;
    for (const answer of answers) {
      if (answer instanceof Error || (newest !== undefined && answer.epoch <= newest.epoch)) continue;
      newest = answer;
    }
    if (newest !== undefined) return newest.host;
    throw new Error(answers.map((answer) => (answer instanceof Error ? answer.message : '')).join('; '));
  }

  close(): void {
    for (const { client } of this.#sentinels) client.disconnect();
  }

  /** Returns an error that names the Sentinel when it has no answer. */
  async #query({ name, client, lastError }: Sentinel): Promise<MasterAnswer | Error> {
    try {
      if (lastError !== undefined) throw new Error(lastError);
      if (client.status !== 'ready') await once(client, 'ready', { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
      const [address, state] = await Promise.all([
        client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#master),
        client.call('SENTINEL', 'MASTER', this.#master),
      ]);
      return parseMasterAnswer(address, state);
    } catch (error) {
      return new Error(`Sentinel ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function connectSentinel(host: Host, settings: ConnectionSettings): Sentinel {
  const client = openClient(settings);
  const sentinel: Sentinel = { name: formatHost(host), client, lastError: undefined };
  client.on('error', (error: Error) => {
    sentinel.lastError = error.message;
  });
  client.on('ready', () => {
    sentinel.lastError = undefined;
  });
  return sentinel;
}

/** `address` is `[host, port]`; `state` is a flat list of names and values. */
function parseMasterAnswer(address: unknown, state: unknown): MasterAnswer {
  const [host, port] = Array.isArray(address) ? address : [];
  const epoch = Array.isArray(state) ? Number(state[state.indexOf('config-epoch') + 1]) : Number.NaN;
  if (typeof host !== 'string' || Number.isNaN(epoch)) throw new Error('replied in an unknown form');
  return { host: { host, port: Number(port) }, epoch };
}
