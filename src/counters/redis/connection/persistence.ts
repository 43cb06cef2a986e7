import type { Redis } from 'ioredis';

/** Called when a server was asked whether it keeps its counters when it restarts. */
export type PersistenceListener = (server: string, isPersistent: boolean) => void;

/**
 * Reads whether a server writes its data to disk: to an append-only file, or in snapshots. A server that does not allow
 * CONFIG GET, as many hosted ones, does not say whether it will take snapshots. It counts as persistent once it has taken
 * one. Rejects if the user has no permission for INFO either.
 */
export async function readPersistence(redis: Redis): Promise<boolean> {
  const configured = await readConfiguration(redis).catch(() => undefined);
  if (configured !== undefined) return configured;
  const info = await redis.info('persistence');
  return /^aof_enabled:1/m.test(info) || /^rdb_last_bgsave_time_sec:\d/m.test(info);
}

async function readConfiguration(redis: Redis): Promise<boolean | undefined> {
  const [appendOnly, save] = await Promise.all([readSetting(redis, 'appendonly'), readSetting(redis, 'save')]);
  if (appendOnly === undefined || save === undefined) return undefined;
  return appendOnly === 'yes' || save !== '';
}

/** Returns undefined if the server does not have the setting. */
async function readSetting(redis: Redis, name: string): Promise<string | undefined> {
  const reply: unknown = await redis.config('GET', name);
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === 'string' ? value : undefined;
}
