import { describe, expect, it } from 'vitest';
import { computeTagSlot, parseClusterSlots, parseRedirect } from './cluster-slots.ts';

const asked = { host: '10.0.0.9', port: 7009 };

describe('the slots of a cluster', () => {
  // As CLUSTER KEYSLOT of Redis 7.0.15 says for {0}, {7}, {42} and {63}.
  it.each([
    [0, 13907],
    [7, 1716],
    [42, 8000],
    [63, 10499],
  ])('has the tag %i in %i', (tag, slot) => {
    expect(computeTagSlot(tag)).toBe(slot);
  });

  it('tell the master of each and all nodes', () => {
    const { masterForSlot, nodes } = parseClusterSlots(
      [
        [0, 99, ['10.0.0.1', 7001, 'id', []], ['10.0.0.2', 7002, 'id', []]],
        [200, 200, ['', 7003, 'id']],
        [300, 300, [null, 7004, 'id']],
        [400, 400, ['?', 7005, 'id'], ['10.0.0.6', 7006, 'id']],
      ],
      asked,
    );
    expect([0, 99, 100, 200, 300, 400].map(masterForSlot)).toEqual([
      { host: '10.0.0.1', port: 7001 },
      { host: '10.0.0.1', port: 7001 },
      undefined,
      { host: '10.0.0.9', port: 7003 },
      { host: '10.0.0.9', port: 7004 },
      undefined,
    ]);
    expect(nodes.map(({ port }) => port)).toEqual([7001, 7002, 7003, 7004, 7006]);
  });

  it('are none in a reply that is none', () => {
    expect(parseClusterSlots('OK', asked).nodes).toEqual([]);
    expect(parseClusterSlots([], asked).masterForSlot(1)).toBeUndefined();
  });
});

describe('a refusal of a cluster', () => {
  it.each([
    ['MOVED 3999 10.0.0.1:6381', { kind: 'moved', master: { host: '10.0.0.1', port: 6381 } }],
    ['MOVED 3999 ::1:6381', { kind: 'moved', master: { host: '::1', port: 6381 } }],
    ['ASK 3999 :6381', { kind: 'ask', master: { host: '10.0.0.9', port: 6381 } }],
    ['ASK 3999 ?:6381', undefined],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'apart' }],
    ['CLUSTERDOWN Hash slot not served', undefined],
    ['CROSSSLOT Keys in request don’t hash to the same slot', undefined],
    ['ERR MOVED 3999 10.0.0.1:6381', undefined],
  ])('is read from %s', (message, expected) => {
    expect(parseRedirect(new Error(message), asked)).toEqual(expected);
  });
});
