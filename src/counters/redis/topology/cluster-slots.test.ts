import { describe, expect, it } from 'vitest';
import { computeTagSlot, parseClusterSlots, parseRedirect } from './cluster-slots.ts';

const asked = { host: '10.0.0.9', port: 7009 };

describe('computing the slot of a tag', () => {
  it.each([
    [0, 13907],
    [7, 1716],
    [42, 8000],
    [63, 10499],
  ])('gives tag %i the slot %i, as CLUSTER KEYSLOT of Redis 7.0.15 does', (tag, slot) => {
    expect(computeTagSlot(tag)).toBe(slot);
  });
});

describe('a reply to CLUSTER SLOTS', () => {
  it('names the master of each slot, and all nodes', () => {
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

  it('names no nodes when it has another form', () => {
    expect(parseClusterSlots('OK', asked).nodes).toEqual([]);
    expect(parseClusterSlots([], asked).masterForSlot(1)).toBeUndefined();
  });
});

describe('an error of a cluster node', () => {
  it.each([
    ['MOVED 3999 10.0.0.1:6381', { kind: 'moved', master: { host: '10.0.0.1', port: 6381 } }],
    ['MOVED 3999 ::1:6381', { kind: 'moved', master: { host: '::1', port: 6381 } }],
    ['ASK 3999 :6381', { kind: 'ask', master: { host: '10.0.0.9', port: 6381 } }],
    ['ASK 3999 ?:6381', undefined],
    ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'try-again' }],
    ['CLUSTERDOWN Hash slot not served', undefined],
    ['CROSSSLOT Keys in request don’t hash to the same slot', undefined],
    ['ERR MOVED 3999 10.0.0.1:6381', undefined],
  ])('redirects only if it is a redirection of Redis Cluster: %s', (message, expected) => {
    expect(parseRedirect(new Error(message), asked)).toEqual(expected);
  });
});
