import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../decide/ports.ts';
import type { SlidingWindowLimit } from '../../../domain/limits/limit.ts';
import { buildChargeBatches, parseOutcomes } from './charge-batch.ts';
import { PackedReply } from './packed-reply.ts';
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

/** A number as so many bytes, big-endian. */
function uint(bytes: number, value: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
}

describe('a batch for the script', () => {
  it('names each subject, term and pattern once, and runs of equal decisions by their length', () => {
    const [batch] = buildChargeBatches('weir', [decision('a'), decision('a'), decision('b'), decision('a', 'b')], NOW);
    expect(batch?.keys).toHaveLength(2);
    const terms = [1, hashLimitIdentity(limit), 1, 5, 1, 60_000_000, 0, 0, 0, 0];
    const [one, two] = ['\0\0\u0001', '\0\0\u0002'];
    const oneHit = `${one}\0\0\0\0\u0001`;
    const patterns = [one, one + oneHit, two, one + oneHit, one + oneHit];
    const runs = [two, one, one, one, one, two, one, two, one, two];
    expect(batch?.args).toEqual([...terms, patterns.join(''), runs.join('')]);
  });

  it('merges only neighbours: between others, the same decision stands again', () => {
    const [batch] = buildChargeBatches('weir', [decision('a'), decision('b'), decision('a')], NOW);
    expect(batch?.runs.map(({ times }) => times)).toEqual([1, 1, 1]);
  });

  it('merges no decisions on a limit that blocks: one state would not tell of those before the block', () => {
    const blocking = { ...limit, blockForSeconds: 10 };
    const one: Decision = { charges: [{ subject: 'a', limit: blocking, hits: 1 }] };
    const [batch] = buildChargeBatches('weir', [one, one], NOW);
    expect(batch?.runs.map(({ times }) => times)).toEqual([1, 1]);
  });

  it('is split in order at 512 charges, never within a decision', () => {
    const decisions = Array.from({ length: 200 }, (_, i) => decision(`a${i}`, `b${i}`, `c${i}`));
    const batches = buildChargeBatches('weir', decisions, NOW);
    expect(batches.map(({ keys }) => keys.length)).toEqual([510, 90]);
    expect(batches.flatMap(({ runs }) => runs.map(({ asked }) => asked))).toEqual(
      decisions.map(({ charges }) => charges),
    );
  });

  it('reads grants and refusals of a run from one state after it', () => {
    const [batch] = buildChargeBatches('weir', [decision('a'), decision('a'), decision('a')], NOW);
    if (batch === undefined) throw new Error('no batch');
    const reply = new PackedReply(
      Buffer.concat([uint(7, NOW), uint(3, 2), uint(6, 0), uint(7, 60_000_000), uint(7, 10), uint(7, 5)]),
    );
    const outcomes = parseOutcomes(batch, reply);
    expect(
      outcomes.map(({ granted, charges }) => [
        granted,
        charges[0]?.remaining,
        charges[0]?.retryAfter,
        charges[0]?.blockedFor,
      ]),
    ).toEqual([
      [true, 1, undefined, undefined],
      [true, 0, undefined, undefined],
      [false, 0, 10, 5],
    ]);
  });
});
