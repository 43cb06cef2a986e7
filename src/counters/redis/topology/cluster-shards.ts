import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../../../decide/ports.ts';
import type { StoreLogger } from '../../../interfaces/logger.ts';
import { VIRTUAL_TAG_COUNT } from '../batch/counter-key.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettingsFactory } from '../connection/connection-settings.ts';
import { Deadline, type RunOptions } from '../connection/deadline.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type ConnectionListeners, type ScriptCall, ScriptConnection } from '../connection/script-connection.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';
import { ClusterDiscovery } from './cluster-discovery.ts';
import { type ClusterSlots, computeTagSlot, parseRedirect } from './cluster-slots.ts';
import { type Shards, SlotMigrating } from './shards.ts';
import { TopologyWatcher } from './topology-watcher.ts';

export interface ClusterShardsOptions extends ConnectionListeners {
  readonly seeds: readonly Host[];
  readonly settings: ConnectionSettingsFactory;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: StoreLogger;
}

/** Long, because MOVED reports a slot that moves while all masters are up. */
const IDLE_INTERVAL_MS = 10_000;
/** Time after its last call for which a master without slots stays connected: it may get slots again. */
const MASTER_IDLE_TIMEOUT_MS = 30_000;
/** One MOVED from the old master to the new one, and one ASK to the next. */
const MAX_REDIRECTS = 2;

interface Master {
  readonly host: Host;
  readonly connection: ScriptConnection;
  /** ms on the clock of performance.now(). */
  lastUsedAt: number;
}

/**
 * The masters of a cluster. Each has its own connection, clock, circuit breaker and limit of unanswered calls, so a master
 * that is down affects only its own groups.
 */
export class ClusterShards implements Shards {
  readonly groupCount = VIRTUAL_TAG_COUNT;
  readonly #options: ClusterShardsOptions;
  readonly #discovery: ClusterDiscovery;
  readonly #watcher: TopologyWatcher;
  /** Slot of each group. */
  readonly #slots = Array.from({ length: VIRTUAL_TAG_COUNT }, (_, tag) => computeTagSlot(tag));
  /** By `host:port`. */
  readonly #masters = new Map<string, Master>();
  /** Master of each group; undefined: no master is known to have its slot. */
  #groupMasters: (Master | undefined)[] = [];
  #isClosed = false;

  constructor(options: ClusterShardsOptions) {
    this.#options = options;
    this.#discovery = new ClusterDiscovery({ ...options, settingsFor: options.settings.forServer });
    this.#watcher = new TopologyWatcher({
      refresh: async () => this.#adopt(await this.#discovery.discoverSlots()),
      isComplete: () => this.#isComplete(),
      idleIntervalMs: IDLE_INTERVAL_MS,
      logger: options.logger,
    });
  }

  get ready(): boolean {
    return this.#groupMasters.some((master) => master?.connection.ready);
  }

  groupForTag(tag: number): number {
    return tag;
  }

  incarnationFor(group: number): number {
    return this.#groupMasters[group]?.connection.incarnation ?? 0;
  }

  serverFor(group: number): string {
    const master = this.#groupMasters[group];
    return master === undefined ? '' : formatHost(master.host);
  }

  canHaveMoved(server: string, incarnation: number): boolean {
    const connection = this.#masters.get(server)?.connection;
    return connection?.incarnation === incarnation && connection.canSend;
  }

  canSend(group: number): boolean {
    return this.#groupMasters[group]?.connection.canSend ?? false;
  }

  run(script: Script, group: number, scriptArguments: ScriptArguments, options?: RunOptions): Promise<PackedReply> {
    const deadline = new Deadline(this.#options.deadlineMs, options);
    // The cluster may have promoted a replica long before the silent connection closes.
    deadline.onExpired(() => this.#watcher.refreshSoon());
    return deadline.enforce(this.#route({ script, scriptArguments, deadline }, group));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher.close();
    this.#discovery.close();
    this.#options.settings.close();
    await Promise.all([...this.#masters.values()].map(({ connection }) => connection.close(this.#options.deadlineMs)));
  }

  /** Calls the group's master and follows redirects: each says that the master did not execute the call. */
  async #route(call: ScriptCall, group: number): Promise<PackedReply> {
    let master = this.#groupMasters[group];
    if (master === undefined)
      throw new StoreUnavailable('no master of the Redis cluster is known for this counter', 'disconnected');
    for (let redirects = 0, isAsking = false; ; redirects++) {
      master.lastUsedAt = performance.now();
      try {
        return await master.connection.run(call, isAsking);
      } catch (error) {
        const redirect = parseRedirect(error, master.host);
        if (redirect?.kind === 'try-again') throw new SlotMigrating('Redis is migrating the counters of this batch');
        if (redirect === undefined || redirects === MAX_REDIRECTS) throw master.connection.toStoreUnavailable(error);
        master = this.#connectMaster(redirect.master);
        isAsking = redirect.kind === 'ask';
        if (redirect.kind === 'moved') this.#moveGroup(group, master);
        await waitUntilReady(master.connection, call.deadline);
      }
    }
  }

  #moveGroup(group: number, master: Master): void {
    this.#groupMasters[group] = master;
    this.#options.onReady?.();
    this.#watcher.refreshSoon(); // slots rarely move alone
  }

  /** Returns the master at an address; connects to it the first time. */
  #connectMaster(host: Host): Master {
    const name = formatHost(host);
    const connected = this.#masters.get(name);
    if (connected !== undefined) return connected;
    const settings = this.#options.settings.forServer(host);
    const onClose = () => this.#watcher.refreshSoon();
    const connection = new ScriptConnection({ ...this.#options, server: host, settings, onClose });
    const master = { host, connection, lastUsedAt: performance.now() };
    this.#masters.set(name, master);
    return master;
  }

  #isComplete(): boolean {
    return this.#slots.every((_, group) => this.#groupMasters[group]?.connection.ready);
  }

  #adopt({ masterForSlot }: ClusterSlots): void {
    if (this.#isClosed) return;
    this.#groupMasters = this.#slots.map((slot) => {
      const host = masterForSlot(slot);
      return host && this.#connectMaster(host);
    });
    this.#options.onReady?.();
    const idleSince = performance.now() - MASTER_IDLE_TIMEOUT_MS;
    for (const [name, master] of this.#masters) {
      if (master.lastUsedAt > idleSince || this.#groupMasters.includes(master)) continue;
      this.#masters.delete(name);
      void master.connection.close(0);
    }
  }
}

/** Waits for a new connection, which needs some ms. Rejects when the deadline has expired. */
async function waitUntilReady(connection: ScriptConnection, deadline: Deadline): Promise<void> {
  while (!connection.ready && performance.now() < deadline.expiresAt) await sleep(1);
  if (deadline.isExpired) throw new StoreUnavailable('Redis moved the counters of this batch', 'deadline');
}
