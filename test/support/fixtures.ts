import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test as base } from 'vitest';
import { startRedis, useRedis } from '../../provision/redis.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { newDatabase } from './databases.ts';
import { WeirBehindEnvoy } from './envoy/weir-behind-envoy.ts';
import { type Environment, TestNode } from './node.ts';
import { IssuerTable } from './servers/identity-provider.ts';

/**
 * Test function with the fixtures that tests of a running Weir share. A test gets what it names, as in
 * `it('…', async ({ node, administrator }) => …)`. The first test that names a fixture starts it; the end of the test
 * file stops it. A file sets options at its top: `const it = test.override('rules', RULES);`.
 */
export const test = base
  /** Option: environment variables of the nodes. */
  .extend('environment', { scope: 'file' }, (): Environment => ({}))
  /**
   * Option: text of the rules file, or a folder of rules files: their texts by name. Without text there are no rules, not
   * even the default ones of the domain `admin`.
   */
  .extend('rules', { scope: 'file' }, (): string | Readonly<Record<string, string>> => '')
  /** Option: the logger of the nodes. */
  .extend('log', { scope: 'file' }, () => createLogger('fatal'))
  /** A database with the current schema, for this test file. */
  .extend('databaseUrl', { scope: 'file' }, () => newDatabase())
  /** Path of the file or folder with `rules`; an empty string without rules. */
  .extend('rulesPath', { scope: 'file' }, async ({ rules }, { onCleanup }) => {
    if (rules === '') return '';
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    const files = typeof rules === 'string' ? { 'rules.yaml': rules } : rules;
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    return typeof rules === 'string' ? path.join(folder, 'rules.yaml') : folder;
  })
  /** Everything a further node needs to share the database and the rules: `TestNode.start(nodeEnvironment)`. */
  .extend(
    'nodeEnvironment',
    { scope: 'file' },
    ({ databaseUrl, rulesPath, environment }): Environment => ({
      DATABASE_URL: databaseUrl,
      RULES_PATH: rulesPath,
      ...environment,
    }),
  )
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('redis', { scope: 'file' }, async ({}, { onCleanup }) => {
    const redis = await useRedis();
    onCleanup(() => redis.stop());
    return redis;
  })
  /** A Redis that no other test file uses: a test may stop it. */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('ownRedis', { scope: 'file' }, async ({}, { onCleanup }) => {
    const redis = await startRedis();
    onCleanup(() => redis.stop());
    return redis;
  })
  /** A node with its counters in memory. */
  .extend('node', { scope: 'file' }, async ({ nodeEnvironment, log }, { onCleanup }) => {
    const node = await TestNode.start(nodeEnvironment, log);
    onCleanup(() => node.stop());
    return node;
  })
  /** Starts further nodes on the same database and rules, with more variables. The end of the test file stops them. */
  .extend('startNode', { scope: 'file' }, ({ nodeEnvironment, log }, { onCleanup }) => {
    const nodes: TestNode[] = [];
    onCleanup(async () => {
      for (const node of nodes.reverse()) await node.stop();
    });
    return async (environment: Environment = {}): Promise<TestNode> => {
      const node = await TestNode.start({ ...nodeEnvironment, ...environment }, log);
      nodes.push(node);
      return node;
    };
  })
  /** A node with its counters in Redis, on the same database and rules as `node`. */
  .extend('redisNode', { scope: 'file' }, async ({ nodeEnvironment, redis, log }, { onCleanup }) => {
    const node = await TestNode.start({ ...nodeEnvironment, REDIS_URL: redis.url }, log);
    onCleanup(() => node.stop());
    return node;
  })
  /** Both, for `describe.for(STORES)`. */
  .extend('nodes', { scope: 'file' }, ({ node, redisNode }): Nodes => ({ memory: node, redis: redisNode }))
  /** Headers of calls by the administrator. */
  .extend('administrator', { scope: 'file' }, ({ node }) => node.signIn())
  /** Writes token issuers and signing keys directly to the database. */
  .extend('issuers', { scope: 'file' }, async ({ databaseUrl }, { onCleanup }) => {
    const issuers = await IssuerTable.open(databaseUrl);
    onCleanup(() => issuers.close());
    return issuers;
  })
  /** Reads the metrics of `node`. */
  .extend(
    'metrics',
    { scope: 'file' },
    ({ node }) =>
      () =>
        node.metrics(),
  )
  /** `node` behind Envoys that the test starts, in front of an upstream that reports what it received. */
  .extend('weir', { scope: 'file' }, async ({ node }, { onCleanup }) => {
    const weir = await WeirBehindEnvoy.inFrontOf(node);
    onCleanup(() => weir.stop());
    return weir;
  })
  /** Origin of an Envoy with the configuration of envoy/envoy.yaml. */
  .extend('envoy', { scope: 'file' }, ({ weir }) => weir.envoy());

/** Where nodes keep their counters. */
export const STORES = ['memory', 'redis'] as const;

/** A node for each of `STORES`. */
export type Nodes = Readonly<Record<(typeof STORES)[number], TestNode>>;
