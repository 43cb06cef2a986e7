import { once } from 'node:events';
import { Redis } from 'ioredis';
import { type ConnectionSettings, DISCOVERY_TIMEOUT_MS } from '../connection/connection-settings.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';

export interface SentinelDiscoveryOptions {
  readonly sentinels: readonly Host[];
  readonly settingsFor: (sentinel: Host) => ConnectionSettings;
  /** What the Sentinels call the master. */
  readonly master: string;
}

interface Sentinel {
  readonly name: string;
  readonly client: Redis;
  /** Why it is not connected; undefined while it is, and before the first attempt has ended. */
  lastError: string | undefined;
}

interface Answer {
  readonly host: Host;
  /** Goes up with each failover that the Sentinels agreed on. */
  readonly epoch: number;
}

/** Asks the Sentinels who the master is. One that was cut off names an old one: the newest of all answers counts. */
export class SentinelDiscovery {
  readonly #sentinels: readonly Sentinel[];
  readonly #master: string;

  constructor({ sentinels, settingsFor, master }: SentinelDiscoveryOptions) {
    this.#master = master;
    this.#sentinels = sentinels.map((host) => {
      const client = new Redis(settingsFor(host));
      const sentinel: Sentinel = { name: formatHost(host), client, lastError: undefined };
      client.on('error', (error: Error) => {
        sentinel.lastError = error.message;
      });
      client.on('ready', () => {
        sentinel.lastError = undefined;
      });
      return sentinel;
    });
  }

  /** Rejects with what is wrong with each Sentinel when none of them knows. */
  async discoverMaster(): Promise<Host> {
    const answers = await Promise.allSettled(this.#sentinels.map((sentinel) => this.#askOne(sentinel)));
    const known = answers.filter((answer) => answer.status === 'fulfilled').map(({ value }) => value);
    const newest = known.sort((one, other) => other.epoch - one.epoch)[0];
    if (newest !== undefined) return newest.host;
    const reasons = answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason.message) : ''));
    throw new Error(reasons.map((reason, i) => `Sentinel ${this.#sentinels[i]?.name}: ${reason}`).join('; '));
  }

  close(): void {
    for (const { client } of this.#sentinels) client.disconnect();
  }

  async #askOne({ client, lastError }: Sentinel): Promise<Answer> {
    if (lastError !== undefined) throw new Error(lastError);
    if (client.status !== 'ready') await once(client, 'ready', { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
    const [address, state] = await Promise.all([
      client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#master),
      client.call('SENTINEL', 'MASTER', this.#master),
    ]);
    const [host, port] = Array.isArray(address) ? address : [];
    const epoch = Array.isArray(state) ? Number(state[state.indexOf('config-epoch') + 1]) : Number.NaN;
    if (typeof host !== 'string' || Number.isNaN(epoch)) throw new Error('an answer that is not understood');
    return { host: { host, port: Number(port) }, epoch };
  }
}
