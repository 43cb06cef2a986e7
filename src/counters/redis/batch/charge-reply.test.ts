import { describe, expect, it } from 'vitest';
import { elementAt } from '../../../collections/element-at.ts';
import type { Decision } from '../../../decide/ports.ts';
import type { SlidingWindowLimit } from '../../../domain/limits/limit.ts';
import { buildChargeBatches, type ChargeBatch } from './charge-batch.ts';
import { parseOutcomes } from './charge-reply.ts';
import { PackedReply } from './packed-reply.ts';

const NOW = 1_773_490_800_000_000;

const limit: SlidingWindowLimit = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 5,
  windowSeconds: 60,
  identity: 'burst/sliding_window/60',
};

/** A batch of three equal decisions. */
function threeDecisions(more: Partial<SlidingWindowLimit> = {}): ChargeBatch {
  const decision: Decision = { charges: [{ subject: 'a', limit: { ...limit, ...more }, hits: 1 }] };
  return elementAt(buildChargeBatches('weir', [decision, decision, decision], NOW), 0);
}

/** Encodes a number in so many bytes, big-endian. */
function uint(bytes: number, value: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
}

/** Reply to three decisions: two are granted. */
const REPLY = [uint(7, NOW), uint(3, 2), uint(6, 0), uint(7, 60_000_000), uint(7, 10), uint(7, 5)];

describe('the reply of the charge script', () => {
  it('gives grants and rejections of a run from one state after it', () => {
    const outcomes = parseOutcomes(threeDecisions(), new PackedReply(Buffer.concat(REPLY)));
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

  it('gives each rejection that is charged from a state of its own', () => {
    const lacking = (hits: number) => uint(6, 2 ** 48 - hits);
    const parts = [
      [uint(3, 1), uint(6, 0), uint(7, 60)],
      [uint(3, 0), lacking(1), uint(7, 61), uint(7, 10), uint(7, 0)],
      [uint(3, 0), lacking(2), uint(7, 62), uint(7, 20), uint(7, 0)],
    ];
    const reply = new PackedReply(Buffer.concat([uint(7, NOW), ...parts.flat()]));
    const outcomes = parseOutcomes(threeDecisions({ chargeRejected: true }), reply);
    expect(outcomes).toMatchObject([
      { granted: true, charges: [{ exceeded: false, remaining: 0, resetAfter: 60 }] },
      { granted: false, charges: [{ exceeded: true, remaining: 0, resetAfter: 61, retryAfter: 10 }] },
      { granted: false, charges: [{ exceeded: true, remaining: 0, resetAfter: 62, retryAfter: 20 }] },
    ]);
  });

  it.each([
    ['shorter', Buffer.concat(REPLY.slice(0, -1))],
    ['longer', Buffer.concat([...REPLY, uint(3, 2)])],
  ])('throws when it is %s than the batch calls for', (_, bytes) => {
    expect(() => parseOutcomes(threeDecisions(), new PackedReply(bytes))).toThrow();
  });
});
