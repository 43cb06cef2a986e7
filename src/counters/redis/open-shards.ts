import type { WarningLogger } from '../../core/logger.ts';
import { ClusterShards } from './cluster-shards.ts';
import { type RedisAccess, sentinelOptions, serverOptions } from './connection-options.ts';
import { OneShard } from './one-shard.ts';
import { parseRedisUrl } from './redis-url.ts';
import type { Script } from './script.ts';
import type { Shards } from './shards.ts';

export interface ShardsOptions {
  /** As redis-url.ts reads it. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
  readonly scripts: readonly Script[];
  /** ms that a run may take until StoreUnavailable. */
  readonly deadlineMs: number;
  readonly logger: WarningLogger;
}

/** Connects to what the URL names. Throws InvalidRedisUrl. */
export function openShards({ url: text, access = {}, ...options }: ShardsOptions): Shards {
  const url = parseRedisUrl(text);
  const { topology, hosts } = url;
  const [first] = hosts;
  switch (topology.kind) {
    case 'server':
      return new OneShard({
        ...options,
        name: `${first.host}:${first.port}`,
        redis: serverOptions(url, access, first),
      });
    case 'sentinel':
      return new OneShard({ ...options, name: topology.master, redis: sentinelOptions(url, access, topology.master) });
    case 'cluster':
      return new ClusterShards({ ...options, seeds: hosts, optionsOf: (node) => serverOptions(url, access, node) });
  }
}
