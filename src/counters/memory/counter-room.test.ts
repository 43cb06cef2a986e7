import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterRoom } from './counter-room.ts';

const device = (index: number) => `rule|edge|device|d${index}`;
const address = (index: number) => `rule|edge|remote_address|a${index}`;
const key = (index: number) => `key|k${index}`;

/** Adds subjects until one finds no room. Returns how many found it, at most `max`. */
function fillWith(room: CounterRoom, name: (index: number) => string, max = Number.POSITIVE_INFINITY): number {
  let added = 0;
  while (added < max && room.findRefused([name(added)]) === undefined) room.add(name(added++));
  return added;
}

describe('the room for counters', () => {
  it('is kept for other rules and for the catalog when one rule fills most of it', () => {
    const room = new CounterRoom(100_000);
    expect(fillWith(room, device)).toBe(80_000);
    expect(fillWith(room, address, 5000)).toBe(5000);
    expect(room.findRefused([device(-1)])).toBe(device(-1));
    expect(fillWith(room, key, 15_000)).toBe(15_000);
    expect(room.findRefused([key(-1)])).toBe(key(-1));
    expect(room.fill).toEqual({
      ratio: 1,
      byRule: [
        { rule: 'edge.device', counters: 80_000 },
        { rule: 'catalog', counters: 15_000 },
        { rule: 'edge.remote_address', counters: 5000 },
      ],
    });
  });

  it('is kept for small rules when several rules fill it together', () => {
    const room = new CounterRoom(100_000);
    let added = 0;
    for (let index = 0; index < 100_000; index++) {
      for (const name of [device(index), address(index)]) {
        if (room.findRefused([name]) !== undefined) continue;
        room.add(name);
        added++;
      }
    }
    expect(added).toBe(80_000);
    expect(fillWith(room, (index) => `rule|shop|path|${index}`)).toBe(7500);
    expect(fillWith(room, (index) => `rule|shop|user|${index}`)).toBe(100);
    expect(fillWith(room, key)).toBe(100_000 - 87_600);
  });

  it('is all for the catalog if no rule takes any', () => {
    const room = new CounterRoom(1000);
    expect(fillWith(room, key)).toBe(1000);
    expect(room.findRefused([device(0)])).toBe(device(0));
  });

  it('is free again for a rule once its counters are removed', () => {
    const room = new CounterRoom(1000);
    const added = fillWith(room, device);
    for (let index = 0; index < added; index++) room.remove(device(index));
    expect([room.size, fillWith(room, device)]).toEqual([0, added]);
  });

  it('refuses a decision whole if one of its subjects finds no room, and counts that by rule', () => {
    const room = new CounterRoom(1000);
    fillWith(room, device);
    expect(room.findRefused([key(0), device(-1)])).toBe(device(-1));
    expect(room.findRefused([key(0)])).toBeUndefined();
    for (const subject of [device(-1), device(-1), key(0)]) room.recordRefusal(subject);
    expect(room.refused).toEqual([
      { rule: 'edge.device', counters: 2 },
      { rule: 'catalog', counters: 1 },
    ]);
  });

  it('never takes more counters than it has room for, nor counts fewer than it has', () => {
    const subject = fc
      .tuple(fc.constantFrom(device, address, key), fc.nat({ max: 40 }))
      .map(([name, index]) => name(index));
    const steps = fc.array(fc.record({ subject, removes: fc.boolean() }), { maxLength: 200, size: 'max' });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 30 }), (trace, max) => {
        const room = new CounterRoom(max);
        const counted = new Set<string>();
        for (const { subject, removes } of trace) {
          if (counted.has(subject)) {
            if (removes && counted.delete(subject)) room.remove(subject);
          } else if (room.findRefused([subject]) === undefined) {
            room.add(subject);
            counted.add(subject);
          }
          expect(room.size).toBe(counted.size);
          expect(room.size).toBeLessThanOrEqual(max);
        }
        const listed = room.fill.byRule.reduce((sum, { counters }) => sum + counters, 0);
        expect(listed).toBe(counted.size);
      }),
    );
  });
});
