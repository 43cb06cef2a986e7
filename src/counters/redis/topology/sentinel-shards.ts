import { StoreUnavailable } from '../../../decide/ports.ts';
import type { StoreLogger } from '../../../interfaces/logger.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettingsFactory } from '../connection/connection-settings.ts';
import { Deadline, type RunOptions } from '../connection/deadline.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type ConnectionListeners, ScriptConnection } from '../connection/script-connection.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import { SentinelDiscovery } from './sentinel-discovery.ts';
import type { Shards } from './shards.ts';
import { TopologyWatcher } from './topology-watcher.ts';

export interface SentinelShardsOptions extends ConnectionListeners {
  readonly sentinels: readonly Host[];
  /** The name of the master in the Sentinels' configuration. */
  readonly master: string;
  readonly settings: ConnectionSettingsFactory;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: StoreLogger;
}

/** About as long as this, a master that was replaced but still answers keeps getting calls. */
const IDLE_INTERVAL_MS = 500;

/** The server that the Sentinels name as the master. */
export class SentinelShards implements Shards {
  readonly groupCount = 1;
  readonly #options: SentinelShardsOptions;
  readonly #discovery: SentinelDiscovery;
  readonly #watcher: TopologyWatcher;
  #masterName = '';
  #connection: ScriptConnection | undefined;
  #isClosed = false;

  constructor(options: SentinelShardsOptions) {
    this.#options = options;
    this.#discovery = new SentinelDiscovery({ ...options, settingsFor: options.settings.forSentinel });
    this.#watcher = new TopologyWatcher({
      refresh: async () => this.#adopt(await this.#discovery.discoverMaster()),
      isComplete: () => this.ready,
      idleIntervalMs: IDLE_INTERVAL_MS,
      logger: options.logger,
    });
  }

  get ready(): boolean {
    return this.#connection?.ready ?? false;
  }

  groupForTag(): number {
    return 0;
  }

  incarnationFor(): number {
    return this.#connection?.incarnation ?? 0;
  }

  serverFor(): string {
    return this.#masterName;
  }

  canHaveMoved(): boolean {
    return false;
  }

  canSend(): boolean {
    return this.#connection?.canSend ?? false;
  }

  async run(
    script: Script,
    _group: number,
    scriptArguments: ScriptArguments,
    options?: RunOptions,
  ): Promise<PackedReply> {
    const connection = this.#connection;
    if (connection === undefined) throw new StoreUnavailable('no Redis master is known', 'disconnected');
    const deadline = new Deadline(this.#options.deadlineMs, options);
    const reply = connection.run({ script, scriptArguments, deadline });
    return deadline.enforce(reply, (error) => connection.toStoreUnavailable(error));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher.close();
    this.#discovery.close();
    this.#options.settings.close();
    await this.#connection?.close(this.#options.deadlineMs);
  }

  #adopt(master: Host): void {
    const name = formatHost(master);
    if (this.#isClosed || name === this.#masterName) return;
    void this.#connection?.close(this.#options.deadlineMs);
    const settings = this.#options.settings.forServer(master);
    this.#connection = new ScriptConnection({ ...this.#options, server: master, settings });
    this.#masterName = name;
  }
}
