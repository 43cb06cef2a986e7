import { describe, expect, it } from 'vitest';
import {
  type Charge,
  type Correction,
  type Decision,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { createReceipt } from '../../decide/receipts/receipt.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import type { LateCharge } from '../redis/batch/late-batch.ts';
import { FailurePolicyStore } from './failure-policy-store.ts';
import { KnownCounters } from './known-counters.ts';
import { LateCharges } from './late-charges.ts';
import { LocalCounters } from './local-counters.ts';
import { LocalStore } from './local-store.ts';
import { OutageTally } from './outage-tally.ts';
import { TrackingStore } from './tracking-store.ts';

const NOON = Date.UTC(2026, 2, 14, 12) * 1000;
const SECOND = 1_000_000;
const AWAY = new StoreUnavailable('away', 'deadline');

const window = { name: 'w', identity: 'w/s60', requests: 12, windowSeconds: 60 } as const;
const sliding: CountedLimit = { ...window, algorithm: 'sliding_window' };
const bucket: CountedLimit = { ...window, identity: 'w/tb60', algorithm: 'token_bucket', burst: 12 };

/** A node with shared counters in memory. Each property can be changed at any time. */
class Node {
  now = NOON;
  nodes = 1;
  takesShare = true;
  isAway = false;
  /** The shared store takes everything and never answers. */
  isMute = false;
  /** The next call with late charges fails without a state of each. */
  failsLateCharges = false;
  /** How far the clock of the shared store is behind, in µs. */
  lag = 0;
  /** Result of all corrections in the shared store. */
  correctionResult: StoreUnavailable | undefined = undefined;
  readonly late: LateCharge[] = [];
  readonly tally = new OutageTally();
  readonly shared = new MemoryStore({ now: () => this.now - this.lag, maxCounters: 1000, source: 'redis' });
  readonly errors: unknown[] = [];
  readonly #opened = this.#open();
  readonly store = this.#opened.store;
  readonly lateCharges = this.#opened.lateCharges;

  async decide(...charges: readonly Charge[]): Promise<Outcome> {
    const [result] = await this.store.decide([{ charges }], undefined);
    if (result === undefined || result instanceof StoreUnavailable) throw result ?? new Error('no result');
    return result;
  }

  /** Sends single hits until one is rejected, and returns how many were granted. */
  async grantsUntilRejected(limit: CountedLimit): Promise<number> {
    for (let granted = 0; granted < 2000; granted++) if (!(await this.decide(hit(limit))).granted) return granted;
    throw new Error('nothing is rejected');
  }

  #open() {
    const now = () => this.now;
    const liveNodes = () => this.nodes;
    const memory = new MemoryStore({ now, maxCounters: 1000, source: 'fail-local' });
    const local = new LocalCounters({ memory, liveNodes, takesShare: () => this.takesShare, now });
    const { tally } = this;
    const onError = (error: unknown) => void this.errors.push(error);
    const chargeLate = async (charges: readonly LateCharge[]) => this.#chargeLate(charges);
    const canChargeLate = () => !this.isAway;
    const lateCharges = new LateCharges({
      store: { chargeLate, canChargeLate },
      local,
      node: 'node',
      now,
      tally,
      onError,
    });
    const counters = new KnownCounters();
    const store = {
      decide: (decisions: readonly Decision[]) =>
        this.isAway || this.isMute ? decisions.map(() => AWAY) : this.shared.decide(decisions),
      refund: async (receipts: readonly Receipt[]) => receipts.map(() => AWAY),
      correct: async (corrections: readonly Correction[]) => corrections.map(() => this.correctionResult),
    };
    const remote = new TrackingStore({ store, counters, lateCharges, now, tally });
    const localStore = new LocalStore({
      memory,
      counters,
      local,
      lateCharges,
      remote,
      canReach: canChargeLate,
      liveNodes,
      now,
      tally,
    });
    return { store: new FailurePolicyStore({ remote, local: localStore }), lateCharges };
  }

  #chargeLate(charges: readonly LateCharge[]) {
    if (this.failsLateCharges) throw new Error('failed');
    if (this.isAway || this.isMute) return charges.map(() => AWAY);
    this.late.push(...charges);
    return charges.map(({ subject, limit, hits }) => {
      const settlement = { subject, limit, hits, isSettlement: true };
      const [result] = this.shared.decide([{ charges: [settlement] }]);
      if (result === undefined || result instanceof StoreUnavailable) return AWAY;
      const { remaining = 0, resetAfter = 0, freeAt = 0 } = result.charges[0] ?? {};
      return { available: remaining, resetAfter, freeAt };
    });
  }
}

function hit(limit: CountedLimit, hits = 1): Charge {
  return { subject: 'a', limit, hits };
}

describe('a node that decides alone', () => {
  it.each([
    ['a window', sliding],
    ['a fixed window', { ...window, identity: 'w/f60', algorithm: 'fixed_window' } as const],
    ['a bucket', bucket],
    ['slots', { ...window, identity: 'w/c60', algorithm: 'concurrency' } as const],
    ['a calendar', { ...window, identity: 'w/c1d', algorithm: 'calendar', unit: 'day' } as const],
  ])(
    'grants what the last answer left of %s, and charges it late, once and before the next decision',
    async (_, limit) => {
      const node = new Node();
      await node.decide(hit(limit, 5));
      node.isAway = true;
      expect(await node.grantsUntilRejected(limit)).toBe(7);
      node.isAway = false;
      expect((await node.decide(hit(limit, 0))).charges[0]).toMatchObject({ remaining: 0 });
      expect(node.late).toMatchObject([{ hits: 7 }]);
      await node.decide(hit(limit, 0));
      expect(node.late).toHaveLength(1);
      expect(node.tally).toMatchObject({ decidedFromUnknown: 0, lateHits: 7, owingCounters: 0 });
    },
  );

  it('grants nothing while it takes no share, of known and of unknown counters', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 5));
    node.isAway = true;
    node.takesShare = false;
    expect(await node.grantsUntilRejected(sliding)).toBe(0);
    const unknown: Charge = { ...hit(sliding), subject: 'unknown' };
    expect(await node.decide(unknown)).toMatchObject({ granted: false, charges: [{ remaining: 0, exceeded: true }] });
    node.takesShare = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(7);
  });

  it('counts the hits of the last answer until the last of them ends, and its own for a window', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 8));
    node.now += 30 * SECOND;
    await node.decide(hit(sliding, 1));
    node.isAway = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(3);
    node.now += 59 * SECOND;
    expect(await node.grantsUntilRejected(sliding)).toBe(0);
    node.now += SECOND;
    expect(await node.grantsUntilRejected(sliding)).toBe(12);
    node.isAway = false;
    node.now += 60 * SECOND;
    await node.decide(hit(sliding));
    expect(node.late).toEqual([]); // all of them have ended
  });

  it('refills a bucket from the last answer on', async () => {
    const node = new Node();
    await node.decide(hit(bucket, 12));
    node.isAway = true;
    node.now += 10 * SECOND;
    expect(await node.grantsUntilRejected(bucket)).toBe(2);
    node.now += 5 * SECOND;
    expect(await node.grantsUntilRejected(bucket)).toBe(1);
    node.isAway = false;
    await node.decide(hit(bucket, 0));
    expect(node.late).toMatchObject([{ hits: 3 }]);
    expect((await node.decide(hit(bucket))).granted).toBe(false);
  });

  it('grants no more of a bucket than its rate through a long silence, in which no late charge is answered', async () => {
    const node = new Node();
    await node.decide(hit(bucket, 2));
    node.isMute = true;
    let granted = 2;
    for (let second = 0; second < 120; second++) {
      node.now += SECOND;
      granted += await node.grantsUntilRejected(bucket);
    }
    expect(granted).toBeGreaterThan(24);
    expect(granted).toBeLessThanOrEqual(12 + 24);
  });

  it('grants its share of what was left, and its share of the limit where it knows nothing', async () => {
    const node = new Node();
    node.nodes = 3;
    await node.decide(hit(sliding, 4));
    node.isAway = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(2);
    expect(node.tally.decidedFromUnknown).toBe(0);
    expect(await node.grantsUntilRejected({ ...sliding, identity: 'other' })).toBe(4);
    expect(node.tally.decidedFromUnknown).toBe(5);
    const one: CountedLimit = { ...sliding, identity: 'one', requests: 1 };
    expect(await node.grantsUntilRejected(one)).toBe(1);
  });

  it('grants nothing of a leased limit that others may have leased too', async () => {
    const node = new Node();
    const leased: CountedLimit = { ...sliding, identity: 'leased', lease: true };
    await node.decide(hit(leased));
    node.isAway = true;
    node.nodes = 2;
    expect(await node.grantsUntilRejected(leased)).toBe(0);
  });

  it('grants no more than its share alone in a window, even if the shared counters forget what they were charged', async () => {
    const node = new Node();
    node.nodes = 2;
    let granted = 0;
    for (let outage = 0; outage < 3; outage++) {
      node.isAway = true;
      granted += await node.grantsUntilRejected(sliding);
      await node.shared.correct([{ subject: 'a', limit: sliding, change: { kind: 'reset' } }]);
      node.isAway = false;
      await node.decide(hit(sliding, 0));
      node.now += SECOND;
    }
    expect(granted).toBe(6);
    node.isAway = true;
    expect((await node.decide(hit(sliding))).charges[0]).toMatchObject({ exceeded: true, retryAfter: 57 * SECOND });
    node.now += 60 * SECOND;
    expect(await node.grantsUntilRejected(sliding)).toBe(6);
  });

  it('takes off what the other nodes are expected to have taken since', async () => {
    const node = new Node();
    const large: CountedLimit = { ...sliding, identity: 'large', requests: 1000 };
    for (let turn = 0; turn < 10; turn++) {
      await node.decide(hit(large));
      node.shared.decide([{ charges: [hit(large, 9)] }]);
      node.now += SECOND / 20;
    }
    await node.decide(hit(large));
    node.nodes = 2;
    node.isAway = true;
    node.now += SECOND / 2;
    // 899 are left. At 180 a second, over a period that is rounded up, the others have taken 45 to 90 more.
    const granted = await node.grantsUntilRejected(large);
    expect(granted).toBeGreaterThanOrEqual(404);
    expect(granted).toBeLessThanOrEqual(427);
  });

  it('continues with a limit that was changed since', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 5));
    node.isAway = true;
    expect(await node.grantsUntilRejected({ ...sliding, requests: 8 })).toBe(3);
    expect(await node.grantsUntilRejected({ ...sliding, requests: 20 })).toBe(12);
  });

  it('reads an answer by the limit that was asked about, not by one that is asked about meanwhile', async () => {
    const node = new Node();
    const asked = node.decide(hit({ ...sliding, requests: 1000 }, 12));
    node.isAway = true;
    const next = node.decide(hit(sliding));
    await asked;
    expect((await next).granted).toBe(false);
  });

  it('grants no more when nodes are no longer counted, and less when more are, until there is an answer', async () => {
    const node = new Node();
    node.nodes = 2;
    await node.decide(hit(sliding, 6));
    node.isAway = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(3);
    node.nodes = 1;
    expect(await node.grantsUntilRejected(sliding)).toBe(0);
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    node.isAway = true;
    node.nodes = 3;
    expect((await node.decide(hit(sliding))).granted).toBe(true);
    expect(await node.grantsUntilRejected(sliding)).toBe(0);
    node.nodes = 1;
    expect(await node.grantsUntilRejected(sliding)).toBe(0);
  });

  it('continues from the answers of a store whose clock is up to a second behind that of the one before', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 5));
    node.lag = SECOND / 2;
    await node.decide(hit(sliding, 3));
    node.isAway = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(4);
  });

  it('charges late so that the hits end a window after they were granted, and not after they were charged', async () => {
    const node = new Node();
    await node.decide(hit(sliding));
    node.isAway = true;
    node.now += 10 * SECOND;
    await node.decide(hit(sliding, 2));
    node.now += 20 * SECOND;
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    // The clocks may have drifted by a thousandth of the 30 s since the last answer.
    expect(node.late).toMatchObject([{ hits: 2, hitEnd: NOON + 70 * SECOND + 30_000 }]);
  });

  it('charges hits late together whose ends are in the same sixteenth of a rolling window', async () => {
    const node = new Node();
    await node.decide(hit(sliding));
    node.isAway = true;
    const ids: (string | undefined)[] = [];
    for (const wait of [0, 1, 9, 5, 0]) {
      node.now += wait * SECOND;
      ids.push((await node.decide(hit(sliding))).charges[0]?.lateChargeId);
    }
    node.now += 5 * SECOND;
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    const ends = [1, 10, 15].map((seconds) => NOON + (60 + seconds) * SECOND + 20_000);
    expect(node.late).toMatchObject([
      { hits: 2, hitEnd: ends[0] },
      { hits: 1, hitEnd: ends[1] },
      { hits: 2, hitEnd: ends[2] },
    ]);
    const [first, second, third] = node.late.map(({ id }) => id);
    expect(ids).toEqual([first, first, second, third, third]);
    expect(node.tally).toMatchObject({ lateHits: 5, owingCounters: 0 });
  });

  it('leaves out of a late charge what was refunded of its hits, and of all of them those that have ended', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 0));
    node.isAway = true;
    await node.decide(hit(sliding, 2));
    node.now += 10 * SECOND;
    const receipt = createReceipt('r1', [hit(sliding, 3)], await node.decide(hit(sliding, 3)));
    await node.decide(hit(sliding));
    node.now += 10 * SECOND;
    await node.decide(hit(sliding, 4));
    expect(await node.store.refund([receipt])).toEqual([3]);
    node.now += 45 * SECOND;
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    expect(node.late).toMatchObject([{ hits: 1 }, { hits: 4 }]);
  });

  it('makes one late charge of hits that end at different times once there are too many such counters', async () => {
    const node = new Node();
    node.isAway = true;
    const ids = new Set<string | undefined>();
    const grantAll = async (decisions: readonly Decision[]) => {
      for (const result of await node.store.decide(decisions, undefined)) {
        if (!(result instanceof StoreUnavailable)) ids.add(result.charges[0]?.lateChargeId);
      }
    };
    const decisions = Array.from({ length: 300 }, (_, index) => ({
      charges: [{ ...hit(sliding), subject: `${index}` }],
    }));
    for (let turn = 0; turn < 5; turn++) {
      await grantAll(decisions);
      node.now += 5 * SECOND;
    }
    expect(ids.size).toBe(300 + 1024);
    node.isAway = false;
    await node.store.decide(
      decisions.map(({ charges }) => ({ charges: charges.map((charge) => ({ ...charge, hits: 0 })) })),
      undefined,
    );
    expect(node.late).toHaveLength(300 + 1024);
    expect(node.tally).toMatchObject({ lateHits: 1500, owingCounters: 0 });
  });

  it('charges late after a call with late charges has failed', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 5));
    node.isAway = true;
    expect(await node.grantsUntilRejected(sliding)).toBe(7);
    node.isAway = false;
    node.failsLateCharges = true;
    await node.decide(hit(sliding));
    node.failsLateCharges = false;
    expect((await node.decide(hit(sliding, 0))).charges[0]).toMatchObject({ remaining: 0 });
    expect(node.late).toMatchObject([{ hits: 7 }]);
    expect(node.errors).toHaveLength(1);
  });

  it('keeps charging late while it stops, for as long as it may', async () => {
    const node = new Node();
    node.isAway = true;
    await node.decide(hit(sliding, 5));
    expect(await node.lateCharges.close(1)).toBe(1);
    const closing = node.lateCharges.close(10_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(node.late).toEqual([]);
    node.isAway = false;
    expect(await closing).toBe(0);
    expect(node.late).toMatchObject([{ hits: 5 }]);
  });

  it('refunds alone only while the shared counters cannot be reached, as they may execute what they do not answer', async () => {
    const node = new Node();
    node.isAway = true;
    const grant = async (id: string) => createReceipt(id, [hit(sliding)], await node.decide(hit(sliding)));
    const [first, second] = [await grant('r1'), await grant('r2')];
    await node.decide(hit(sliding, 3));
    expect(await node.store.refund([first])).toEqual([1]);
    node.isAway = false;
    node.isMute = true;
    expect(await node.store.refund([second])).toEqual([AWAY]);
    node.isMute = false;
    await node.decide(hit(sliding, 0));
    expect(node.late).toMatchObject([{ hits: 4 }]);
  });

  it('keeps what it knows and owes when a reset fails', async () => {
    const node = new Node();
    await node.decide(hit(sliding, 5));
    node.isAway = true;
    node.correctionResult = AWAY;
    expect(await node.grantsUntilRejected(sliding)).toBe(7);
    await node.store.correct([{ subject: 'a', limit: sliding, change: { kind: 'reset' } }]);
    expect((await node.decide(hit(sliding))).granted).toBe(false);
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    expect(node.late).toMatchObject([{ hits: 7 }]);
  });

  it('gives each grant the id of its late charge', async () => {
    const node = new Node();
    node.isAway = true;
    const charges = [hit(sliding)];
    const first = createReceipt('r1', charges, await node.decide(...charges));
    const second = createReceipt('r2', charges, await node.decide(...charges));
    node.isAway = false;
    await node.decide(hit(sliding, 0));
    const ids = [first, second].map(({ granted }) => granted[0]?.lateChargeId);
    expect(ids).toEqual([node.late[0]?.id, node.late[0]?.id]);
  });

  it('charges late what allow grants, into debt', async () => {
    const node = new Node();
    const open: CountedLimit = { ...sliding, onStoreFailure: 'allow' };
    node.isAway = true;
    for (let call = 0; call < 15; call++) expect(await node.decide(hit(open))).toMatchObject({ source: 'fail-open' });
    node.isAway = false;
    await node.decide(hit(open, 0));
    expect(node.late).toMatchObject([{ hits: 15 }]);
    expect((await node.decide(hit(open))).granted).toBe(false);
  });
});
