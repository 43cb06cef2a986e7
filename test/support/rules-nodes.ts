import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type RunningRedis, useRedis } from '../../provision/redis.ts';
import { newDatabase } from './databases.ts';
import { TestNode } from './node.ts';

/** A file with these rules for the tests of a file: gives its path, for RULES_PATH. */
export function useRules(rules: string): () => string {
  let folder: string;
  const file = () => path.join(folder, 'rules.yaml');
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    await writeFile(file(), rules);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return file;
}

/** A node with these rules and its counters in memory (0), and one with them in Redis (1), for the tests of a file. */
export function useMemoryAndRedis(rules: string): (place: number) => TestNode {
  const file = useRules(rules);
  let redis: RunningRedis;
  let nodes: readonly TestNode[] = [];
  beforeAll(async () => {
    redis = await useRedis();
    const common = { DATABASE_URL: await newDatabase(), RULES_PATH: file() };
    nodes = [await TestNode.start(common), await TestNode.start({ ...common, REDIS_URL: redis.url })];
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await redis?.stop();
  });
  return (place) => {
    const node = nodes[place];
    if (node === undefined) throw new Error('the node was not started');
    return node;
  };
}
