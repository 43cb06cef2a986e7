import { StoreUnavailable } from '../../../decide/ports.ts';
import type { WarningLogger } from '../../../interfaces/logger.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettingsFactory } from '../connection/connection-settings.ts';
import { Deadline } from '../connection/deadline.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type BreakerListener, ScriptConnection } from '../connection/script-connection.ts';
import type { Script } from '../lua/scripts.ts';
import { SentinelDiscovery } from './sentinel-discovery.ts';
import type { Shards } from './shards.ts';
import { TopologyWatcher } from './topology-watcher.ts';

export interface SentinelShardsOptions {
  readonly sentinels: readonly Host[];
  /** What the Sentinels call the master. */
  readonly master: string;
  readonly settings: ConnectionSettingsFactory;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: WarningLogger;
  readonly onBreaker?: BreakerListener | undefined;
}

/** For about so long a master that the Sentinels have replaced is asked on, where it still answers. */
const CALM_MS = 500;

/** Whichever server the Sentinels call the master. */
export class SentinelShards implements Shards {
  readonly groupCount = 1;
  readonly #options: SentinelShardsOptions;
  readonly #map: SentinelDiscovery;
  readonly #watch: TopologyWatcher;
  #name = '';
  #connection: ScriptConnection | undefined;
  #isClosed = false;

  constructor(options: SentinelShardsOptions) {
    this.#options = options;
    this.#map = new SentinelDiscovery({ ...options, settingsFor: options.settings.forSentinel });
    const refresh = async () => this.#adopt(await this.#map.discoverMaster());
    this.#watch = new TopologyWatcher({
      refresh,
      isComplete: () => this.ready,
      idleIntervalMs: CALM_MS,
      logger: options.logger,
    });
  }

  get ready(): boolean {
    return this.#connection?.ready ?? false;
  }

  groupForTag(): number {
    return 0;
  }

  async run(
    script: Script,
    _: number,
    keys: readonly string[],
    args: readonly (number | string)[],
  ): Promise<PackedReply> {
    const connection = this.#connection;
    if (connection === undefined) throw new StoreUnavailable('no Redis master is known');
    const deadline = new Deadline(this.#options.deadlineMs);
    return deadline.enforce(connection.run({ script, keys, args, deadline }), (error) =>
      connection.toStoreUnavailable(error),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.close();
    this.#map.close();
    await this.#connection?.close(this.#options.deadlineMs);
  }

  #adopt(master: Host): void {
    const name = formatHost(master);
    if (this.#isClosed || name === this.#name) return;
    const { settings: settingsOf, scripts, deadlineMs, logger, onBreaker } = this.#options;
    void this.#connection?.close(deadlineMs);
    const settings = settingsOf.forServer(master);
    this.#connection = new ScriptConnection({ server: master, settings, scripts, logger, onBreaker });
    this.#name = name;
  }
}
