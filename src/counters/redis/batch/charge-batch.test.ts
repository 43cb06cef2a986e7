import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../decide/ports.ts';
import type { SlidingWindowLimit } from '../../../domain/limits/limit.ts';
import { buildChargeBatches } from './charge-batch.ts';
import { hashLimitIdentity } from './script-arguments.ts';

const NOW = 1_773_490_800_000_000;

const limit: SlidingWindowLimit = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 5,
  windowSeconds: 60,
  identity: 'burst/sliding_window/60',
};

function decision(...subjects: readonly string[]): Decision {
  return { charges: subjects.map((subject) => ({ subject, limit, hits: 1 })) };
}

describe('a batch for the charge script', () => {
  it('names each subject, spec and pattern once, and each run of equal decisions once with its length', () => {
    const [batch] = buildChargeBatches('weir', [decision('a'), decision('a'), decision('b'), decision('a', 'b')], NOW);
    expect(batch?.keys).toHaveLength(2);
    const specs = [1, hashLimitIdentity(limit), 1, 5, 1, 60_000_000, 0, 0, 0, 0];
    const [one, two] = ['\0\0\u0001', '\0\0\u0002'];
    const oneHit = `${one}\0\0\0\0\u0001`;
    const patterns = [one, one + oneHit, two, one + oneHit, one + oneHit];
    const runs = [two, one, one, one, one, two, one, two, one, two];
    expect(batch?.args).toEqual([...specs, patterns.join(''), runs.join('')]);
  });

  it('merges only neighbours: an equal decision after another one begins a new run', () => {
    const [batch] = buildChargeBatches('weir', [decision('a'), decision('b'), decision('a')], NOW);
    expect(batch?.runs.map(({ decisionCount }) => decisionCount)).toEqual([1, 1, 1]);
  });

  it('merges no decisions on a limit with a block: one state cannot describe those before the block', () => {
    const blocking = { ...limit, blockForSeconds: 10 };
    const one: Decision = { charges: [{ subject: 'a', limit: blocking, hits: 1 }] };
    const [batch] = buildChargeBatches('weir', [one, one], NOW);
    expect(batch?.runs.map(({ decisionCount }) => decisionCount)).toEqual([1, 1]);
  });

  it('merges decisions whose rejections are charged, up to 512 charges: the script may decide each of them', () => {
    const owing = { ...limit, chargeRejected: true } as const;
    const one: Decision = { charges: [{ subject: 'a', limit: owing, hits: 1 }] };
    const batches = buildChargeBatches(
      'weir',
      Array.from({ length: 600 }, () => one),
      NOW,
    );
    expect(batches.map(({ runs }) => runs.map(({ decisionCount }) => decisionCount))).toEqual([[512], [88]]);
    expect(batches[0]?.args.slice(8, 10)).toEqual([0, 2]);
  });

  it('has at most 512 charges; the next batch continues with the next whole decision', () => {
    const decisions = Array.from({ length: 200 }, (_, i) => decision(`a${i}`, `b${i}`, `c${i}`));
    const batches = buildChargeBatches('weir', decisions, NOW);
    expect(batches.map(({ keys }) => keys.length)).toEqual([510, 90]);
    expect(batches.flatMap(({ runs }) => runs.map(({ charges }) => charges))).toEqual(
      decisions.map(({ charges }) => charges),
    );
  });
});
