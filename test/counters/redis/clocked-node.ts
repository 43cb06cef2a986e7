import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { useRedis } from '../../../provision/redis.ts';
import { FailurePolicyStore } from '../../../src/counters/failure-policy/failure-policy-store.ts';
import { KnownCounters } from '../../../src/counters/failure-policy/known-counters.ts';
import { LateCharges } from '../../../src/counters/failure-policy/late-charges.ts';
import { LocalCounters } from '../../../src/counters/failure-policy/local-counters.ts';
import { LocalStore } from '../../../src/counters/failure-policy/local-store.ts';
import { OutageTally } from '../../../src/counters/failure-policy/outage-tally.ts';
import { TrackingStore } from '../../../src/counters/failure-policy/tracking-store.ts';
import { MemoryStore } from '../../../src/counters/memory/memory-store.ts';
import type { LateCharge, LateChargeState } from '../../../src/counters/redis/batch/late-batch.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import {
  type ChargeOutcome,
  type Decision,
  type DecisionResult,
  type Receipt,
  StoreUnavailable,
} from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { buildClockedScripts, silentLogger } from '../contract/clocked-stores.ts';
import { NOON } from '../model/builders.ts';

const AWAY = new StoreUnavailable('away', 'silent');
/** How far the clock of Redis is ahead of that of the node, in µs. */
const CLOCK_LEAD_MICROS = 123_457;
/** How long a call takes to Redis, and as long back, in µs. */
const TRIP_MICROS = 700;

/** One node on a real Redis. Both clocks, and when Redis answers, are the test's to choose. */
export class ClockedNode {
  static readonly roundTripMs = (2 * TRIP_MICROS) / 1000;
  readonly tally = new OutageTally();
  readonly store: FailurePolicyStore;
  /** Clock of the node, in µs since 1970. */
  #now = NOON;
  /** `mute`: Redis gets late charges, and executes them when it is back. `away`: nothing can be sent. */
  #state: 'up' | 'mute' | 'away' = 'up';
  #resume: (() => void) | undefined;
  #resumed = Promise.resolve();
  readonly #redis: RedisStore;
  readonly #client: Redis;
  readonly #clock: string;
  readonly #stopServer: () => Promise<void>;

  static async open(): Promise<ClockedNode> {
    const server = await useRedis();
    const keyPrefix = `test-${randomUUID()}`;
    const clock = `${keyPrefix}:clock`;
    const scripts = buildClockedScripts(`'${clock}'`);
    const redis = new RedisStore({ url: server.url, keyPrefix, scripts, logger: silentLogger, deadlineMs: 5000 });
    await waitUntil(() => redis.ready);
    return new ClockedNode(redis, new Redis(server.url), clock, () => server.stop());
  }

  private constructor(redis: RedisStore, client: Redis, clock: string, stopServer: () => Promise<void>) {
    this.#redis = redis;
    this.#client = client;
    this.#clock = clock;
    this.#stopServer = stopServer;
    this.store = this.#openStore();
  }

  get now(): number {
    return this.#now;
  }

  async setClock(now: number): Promise<void> {
    this.#now = now;
    await this.#client.set(this.#clock, this.#redisTime());
  }

  /** Lets Redis take late charges without executing them. */
  pause(): void {
    this.#state = 'mute';
    this.#resumed = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  /** Lets the node notice that Redis is silent, so that it sends nothing. */
  openBreaker(): void {
    this.#state = 'away';
  }

  /** Lets Redis execute what it got, and answer again. */
  async resume(): Promise<void> {
    this.#state = 'up';
    this.#resume?.();
    await this.#redis.decide([], undefined);
    await new Promise(setImmediate);
  }

  async close(): Promise<void> {
    await this.#redis.close();
    this.#client.disconnect();
    await this.#stopServer();
  }

  #openStore(): FailurePolicyStore {
    const now = () => this.#now;
    const liveNodes = () => 1;
    const memory = new MemoryStore({ now, maxCounters: 1000, source: 'fail-local' });
    const local = new LocalCounters({ memory, liveNodes, takesShare: () => true, now });
    const { tally } = this;
    const canReach = () => this.#state !== 'away';
    const lateCharges = new LateCharges({
      store: { canChargeLate: canReach, chargeLate: (charges) => this.#chargeLate(charges) },
      ...{ local, node: 'node', now, tally },
      onError(error) {
        throw error;
      },
    });
    const counters = new KnownCounters();
    const store = {
      decide: (decisions: readonly Decision[]) => this.#decide(decisions),
      refund: (receipts: readonly Receipt[]) => this.#redis.refund(receipts),
      correct: () => Promise.resolve([]),
    };
    const remote = new TrackingStore({ store, counters, lateCharges, now, tally });
    const parts = { memory, counters, local, lateCharges, remote, canReach, liveNodes, now, tally };
    return new FailurePolicyStore({ remote, local: new LocalStore(parts) });
  }

  async #decide(decisions: readonly Decision[]): Promise<readonly DecisionResult[]> {
    if (this.#state !== 'up') return decisions.map(() => AWAY);
    const results = (await this.#redis.decide(decisions, undefined)).map((result) => {
      if (result instanceof StoreUnavailable) throw result;
      return { ...result, charges: result.charges.map((outcome): ChargeOutcome => this.#setFreeAt(outcome)) };
    });
    this.#now += 2 * TRIP_MICROS;
    return results;
  }

  async #chargeLate(charges: readonly LateCharge[]): Promise<readonly (LateChargeState | StoreUnavailable)[]> {
    if (this.#state !== 'up') await this.#resumed;
    const states = await this.#redis.chargeLate(charges);
    return states.map((state) => (state instanceof StoreUnavailable ? state : this.#setFreeAt(state)));
  }

  /** Moves `freeAt` to the clock of the test. A reply has the real time of the server. */
  #setFreeAt<Outcome extends { readonly resetAfter: number }>(outcome: Outcome): Outcome & { readonly freeAt: number } {
    return { ...outcome, freeAt: this.#redisTime() + outcome.resetAfter };
  }

  #redisTime(): number {
    return this.#now + CLOCK_LEAD_MICROS + TRIP_MICROS;
  }
}
