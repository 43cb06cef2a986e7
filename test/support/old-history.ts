import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { waitUntil } from './wait-until.ts';

/** Takes a snapshot (RDB) of a server. */
export async function takeSnapshot(url: string): Promise<Uint8Array> {
  const client = new Redis(url);
  try {
    await client.call('SAVE');
    const [, folder = ''] = await client.config('GET', 'dir');
    return await readFile(path.join(String(folder), 'dump.rdb'));
  } finally {
    client.disconnect();
  }
}

/** Resolves once a replica has everything that the server has executed so far. */
export async function waitForReplica(url: string): Promise<void> {
  const client = new Redis(url);
  const readOffset = async (pattern: RegExp) => Number(pattern.exec(await client.info('replication'))?.[1] ?? 0);
  try {
    const offset = await readOffset(/^master_repl_offset:(\d+)/m);
    await waitUntil(async () => (await readOffset(/^slave0:.*,offset=(\d+)/m)) >= offset);
  } finally {
    client.disconnect();
  }
}

/** Cuts the replicas of a server off: they keep what they have and get nothing more. */
export async function stopReplication(url: string): Promise<void> {
  const client = new Redis(url);
  try {
    await client.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
    await client.call('CLIENT', 'KILL', 'TYPE', 'replica');
  } finally {
    client.disconnect();
  }
}
