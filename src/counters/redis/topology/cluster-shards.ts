import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../../../decide/ports.ts';
import type { WarningLogger } from '../../../interfaces/logger.ts';
import { VIRTUAL_TAG_COUNT } from '../batch/counter-key.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { ConnectionSettings } from '../connection/connection-settings.ts';
import { Deadline } from '../connection/deadline.ts';
import { formatHost, type Host } from '../connection/redis-url.ts';
import { type BreakerListener, type ScriptCall, ScriptConnection } from '../connection/script-connection.ts';
import type { Script } from '../lua/scripts.ts';
import { ClusterDiscovery } from './cluster-discovery.ts';
import { type ClusterSlots, computeTagSlot, parseRedirect } from './cluster-slots.ts';
import { type Shards, SlotMigrating } from './shards.ts';
import { TopologyWatcher } from './topology-watcher.ts';

export interface ClusterShardsOptions {
  readonly seeds: readonly Host[];
  readonly settingsFor: (node: Host) => ConnectionSettings;
  readonly scripts: readonly Script[];
  readonly deadlineMs: number;
  readonly logger: WarningLogger;
  readonly onBreaker?: BreakerListener | undefined;
}

/** What moves while all masters are there is told by MOVED. */
const CALM_MS = 10_000;
/** A master that has lost its last slot, or one that is given its first, is kept for so long after its last call. */
const IDLE_MS = 30_000;
/** From the old master by MOVED to the new one, and by ASK on to the next. */
const MOST_REDIRECTS = 2;

interface Master {
  readonly host: Host;
  readonly connection: ScriptConnection;
  /** ms on the clock of performance.now(). */
  usedAt: number;
}

/** A cluster's masters. Each has its connection, clock and bound; one that is away takes only its own groups with it. */
export class ClusterShards implements Shards {
  readonly groupCount = VIRTUAL_TAG_COUNT;
  readonly #options: ClusterShardsOptions;
  readonly #map: ClusterDiscovery;
  readonly #watch: TopologyWatcher;
  readonly #slots = Array.from({ length: VIRTUAL_TAG_COUNT }, (_, tag) => computeTagSlot(tag));
  /** By `host:port`. */
  readonly #masters = new Map<string, Master>();
  /** Of each group; a hole: no node is known to hold it. */
  #masterOfGroup: (Master | undefined)[] = [];
  #isClosed = false;

  constructor(options: ClusterShardsOptions) {
    this.#options = options;
    this.#map = new ClusterDiscovery(options);
    const refresh = async () => this.#adopt(await this.#map.discoverSlots());
    this.#watch = new TopologyWatcher({
      refresh,
      isComplete: () => this.#isWhole(),
      idleIntervalMs: CALM_MS,
      logger: options.logger,
    });
  }

  get ready(): boolean {
    return this.#masterOfGroup.some((master) => master?.connection.ready);
  }

  groupForTag(tag: number): number {
    return tag;
  }

  run(
    script: Script,
    group: number,
    keys: readonly string[],
    args: readonly (number | string)[],
  ): Promise<PackedReply> {
    const deadline = new Deadline(this.#options.deadlineMs);
    deadline.onExpired(() => this.#watch.refreshSoon()); // a replica may be the master before this one's silence ends it
    return deadline.enforce(this.#route({ script, keys, args, deadline }, group));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.close();
    this.#map.close();
    await Promise.all([...this.#masters.values()].map(({ connection }) => connection.close(this.#options.deadlineMs)));
  }

  /** To the master of the group, and on to where it sends us: a refusal says that nothing was executed. */
  async #route(call: ScriptCall, group: number): Promise<PackedReply> {
    let master = this.#masterOfGroup[group];
    if (master === undefined) throw new StoreUnavailable('no master of the Redis cluster is known for this counter');
    for (let redirects = 0, isAsking = false; ; redirects++) {
      master.usedAt = performance.now();
      try {
        return await master.connection.run(call, isAsking);
      } catch (error) {
        const refusal = parseRedirect(error, master.host);
        if (refusal?.kind === 'apart') throw new SlotMigrating('Redis is moving the counters of this batch');
        if (refusal === undefined || redirects === MOST_REDIRECTS) throw master.connection.toStoreUnavailable(error);
        master = this.#masterAt(refusal.master);
        isAsking = refusal.kind === 'ask';
        if (refusal.kind === 'moved') this.#moved(group, master);
        await becomesReady(master.connection, call.deadline);
      }
    }
  }

  #moved(group: number, master: Master): void {
    this.#masterOfGroup[group] = master;
    this.#watch.refreshSoon(); // seldom does one slot move alone
  }

  #masterAt(host: Host): Master {
    const name = formatHost(host);
    const known = this.#masters.get(name);
    if (known !== undefined) return known;
    const { settingsFor, scripts, logger, onBreaker } = this.#options;
    const onClose = () => this.#watch.refreshSoon();
    const settings = settingsFor(host);
    const connection = new ScriptConnection({ server: host, settings, scripts, logger, onClose, onBreaker });
    const master = { host, connection, usedAt: performance.now() };
    this.#masters.set(name, master);
    return master;
  }

  #isWhole(): boolean {
    return this.#slots.every((_, group) => this.#masterOfGroup[group]?.connection.ready);
  }

  #adopt({ masterForSlot }: ClusterSlots): void {
    if (this.#isClosed) return;
    this.#masterOfGroup = this.#slots.map((slot) => {
      const host = masterForSlot(slot);
      return host && this.#masterAt(host);
    });
    const idleSince = performance.now() - IDLE_MS;
    for (const [name, master] of this.#masters) {
      if (master.usedAt > idleSince || this.#masterOfGroup.includes(master)) continue;
      this.#masters.delete(name);
      void master.connection.close(0);
    }
  }
}

/** A node that was met just now needs some ms to be ready. Rejects once nothing more may be sent. */
async function becomesReady(connection: ScriptConnection, deadline: Deadline): Promise<void> {
  while (!connection.ready && performance.now() < deadline.expiresAt) await sleep(1);
  if (deadline.isExpired) throw new StoreUnavailable('Redis moved the counters of this batch');
}
