import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { NodeProcess } from '../node-process.ts';

/** Never reached, so that every hit is granted and counted. */
const LIMIT = 1_000_000;
/** `deny`: Redis counts everything that is granted. */
const RULES = `domain: quotas
descriptors:
  - {key: subject, rate_limit: {name: day, requests: ${LIMIT}, window: 1d, algorithm: calendar, on_store_failure: deny}}
`;
const SUBJECTS = ['a', 'b', 'c'];
const NODE_COUNT = 2;
const INTERVAL_MS = 10;
/** Long enough for several writes of checkpoints, at least every 10 s. */
const LONG_LOAD_MS = 13_000;
const LOAD_MS = 2_000;
const MAX_LOST_MS = 10_000;
/** Grants whose answers are on their way at the loss may be lost, and nothing else. */
const IN_FLIGHT_MS = 100;

/** A grant of one hit, in ms on the clock of performance.now(). */
interface Grant {
  readonly subject: string;
  readonly at: number;
}

/** Asks both nodes about all subjects, 100 times a second. */
class QuotaLoad {
  readonly grants: Grant[] = [];
  /** Calls without an answer: each may have been counted or not. */
  unanswered = 0;
  readonly #pending = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(nodes: readonly NodeProcess[]) {
    this.#timer = setInterval(() => {
      for (const { decision } of nodes) for (const subject of SUBJECTS) this.#send(decision, subject);
    }, INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  #send(client: GrpcClient, subject: string): void {
    const pending = ask(client, subject, 1)
      .then(({ overallCode, dynamicMetadata }) => {
        if (overallCode === Code.OK) this.grants.push({ subject, at: performance.now() });
        else if (dynamicMetadata?.source === 'fail-deny') this.unanswered++;
      })
      .catch(() => {
        this.unanswered++;
      })
      .finally(() => void this.#pending.delete(pending));
    this.#pending.add(pending);
  }
}

function ask(client: GrpcClient, value: string, hitsAddend: number) {
  const descriptors = [{ entries: [{ key: 'subject', value }], hitsAddend }];
  const request = RateLimitRequest.fromPartial({ domain: 'quotas', descriptors });
  return client.call(RateLimitServiceService.shouldRateLimit, request);
}

/** Hits that the counters of all subjects have. Waits until they can be asked. */
async function readCounted([node]: readonly NodeProcess[]): Promise<number> {
  if (node === undefined) throw new Error('nodes: must not be empty');
  let counted = 0;
  for (const subject of SUBJECTS) {
    await waitUntil(async () => {
      const { statuses, dynamicMetadata } = await ask(node.decision, subject, 0);
      const isAnswered = dynamicMetadata?.source === 'redis';
      if (isAnswered) counted += LIMIT - (statuses[0]?.limitRemaining ?? LIMIT);
      return isAnswered;
    });
  }
  return counted;
}

/** Defines tests of quotas under load while their counters are lost. `isShort`: without the long one. */
export function defineQuotaTests(isShort: boolean): void {
  describe('quotas of two nodes under load', () => {
    let environment: Readonly<Record<string, string>>;
    let redis: RunningRedis;
    let nodes: NodeProcess[] = [];
    let granted = 0;
    let unanswered = 0;

    const startNodes = async () => {
      nodes = await Promise.all(Array.from({ length: NODE_COUNT }, () => NodeProcess.start(environment)));
    };
    /** Runs the load for a while before and after the loss. Returns the grants, and when the loss began. */
    const lose = async (beforeMs: number, loss: () => Promise<void>) => {
      const load = new QuotaLoad(nodes);
      await sleep(beforeMs);
      const lostAt = performance.now();
      await loss();
      await sleep(LOAD_MS);
      await load.stop();
      granted += load.grants.length;
      unanswered += load.unanswered;
      return { grants: load.grants, lostAt };
    };
    /** Expects the counters to have all grants so far, except for `lost` ones, and no more than may have been made. */
    const expectCounted = async (lost: number) => {
      const counted = await readCounted(nodes);
      expect(counted).toBeGreaterThanOrEqual(granted - lost);
      expect(counted).toBeLessThanOrEqual(granted + unanswered);
      granted = counted; // a later loss must not be excused by this one
      unanswered = 0;
    };
    const countBetween = (grants: readonly Grant[], from: number, to: number) =>
      grants.filter(({ at }) => at >= from && at < to).length;

    beforeAll(async () => {
      redis = await startRedisProcess();
      environment = {
        DATABASE_URL: await newDatabase(),
        REDIS_URL: redis.url,
        RULES_PATH: path.join(await createTemporaryFolder(), 'rules.yaml'),
      };
      await writeFile(environment.RULES_PATH ?? '', RULES);
      await startNodes();
    });
    afterAll(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await redis?.stop();
    });

    it('lose nothing but answers on their way to a FLUSHALL', async () => {
      const { grants, lostAt } = await lose(LOAD_MS, async () => {
        const client = new Redis(redis.url);
        await client.flushall();
        client.disconnect();
      });
      await expectCounted(countBetween(grants, lostAt - IN_FLIGHT_MS, lostAt + IN_FLIGHT_MS));
    });

    it('lose nothing but answers on their way to an empty server in place of Redis', async () => {
      const { grants, lostAt } = await lose(LOAD_MS, async () => {
        await redis.stop();
        redis = await startRedisProcess({ port: redis.port });
      });
      await expectCounted(countBetween(grants, lostAt - IN_FLIGHT_MS, lostAt + IN_FLIGHT_MS));
    });

    it.skipIf(isShort)('lose at most the grants of 10 s to a kill -9 of all nodes and Redis together', async () => {
      const { grants, lostAt } = await lose(LONG_LOAD_MS, async () => {
        await Promise.all([redis.stop(), ...nodes.map((node) => node.kill())]);
      });
      redis = await startRedisProcess({ port: redis.port });
      await startNodes();
      const lost = countBetween(grants, lostAt - MAX_LOST_MS, Number.POSITIVE_INFINITY);
      expect(lost).toBeLessThan(grants.length);
      await expectCounted(lost);
    });

    it('lose nothing to a clean stop of all nodes and the loss of Redis', async () => {
      await lose(LOAD_MS, () => Promise.resolve());
      await Promise.all(nodes.map((node) => node.stop()));
      await redis.stop();
      redis = await startRedisProcess({ port: redis.port });
      await startNodes();
      await expectCounted(0);
    });
  });
}
