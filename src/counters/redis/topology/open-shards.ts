import type { StoreLogger } from '../../../interfaces/logger.ts';
import { createSettingsFactory, type RedisAccess } from '../connection/connection-settings.ts';
import { parseRedisUrl } from '../connection/redis-url.ts';
import type { ConnectionListeners } from '../connection/script-connection.ts';
import type { Script } from '../lua/scripts.ts';
import { ClusterShards } from './cluster-shards.ts';
import { SentinelShards } from './sentinel-shards.ts';
import type { Shards } from './shards.ts';
import { SingleServerShards } from './single-server-shards.ts';

export interface ShardsOptions extends ConnectionListeners {
  /** A URL that connection/redis-url.ts parses. */
  readonly url: string;
  readonly access?: RedisAccess | undefined;
  readonly scripts: readonly Script[];
  /** Time in ms after which a run rejects with StoreUnavailable. */
  readonly deadlineMs: number;
  readonly logger: StoreLogger;
}

const NO_ACCESS: RedisAccess = { tls: {}, sentinel: {} };

/** Opens connections to the servers that the URL names. Throws InvalidRedisUrl, or when a TLS file cannot be read. */
export function openShards({ url: text, access = NO_ACCESS, ...options }: ShardsOptions): Shards {
  const url = parseRedisUrl(text);
  const { topology, hosts } = url;
  const settings = createSettingsFactory(url, access, options.logger);
  switch (topology.kind) {
    case 'server':
      return new SingleServerShards({ ...options, server: hosts[0], settings });
    case 'sentinel':
      return new SentinelShards({ ...options, sentinels: hosts, master: topology.master, settings });
    case 'cluster':
      return new ClusterShards({ ...options, seeds: hosts, settings });
  }
}
