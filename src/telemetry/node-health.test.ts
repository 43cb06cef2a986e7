import { describe, expect, it } from 'vitest';
import { assessDecisionParts, assessNode, assessWriterParts, type DecisionParts } from './node-health.ts';

const HEALTHY: DecisionParts = {
  catalog: { isFollowing: true },
  counters: { ready: true },
  rules: { state: { failure: undefined } },
  routes: { isOutdated: false },
  usage: { backlog: 0 },
  tokens: { unreachableIssuers: 0 },
};

describe('the health of a node', () => {
  it('is healthy while every part is', () => {
    const writerParts = assessWriterParts({ signingKeys: { isMaintained: true }, callEvents: { isFailing: false } });
    const parts = [...assessDecisionParts(HEALTHY), ...writerParts];
    expect(parts.every(({ health, message }) => health === 'healthy' && message === '')).toBe(true);
    expect(assessNode([], parts)).toBe('healthy');
  });

  it.each<[string, Partial<DecisionParts>]>([
    ['postgres', { catalog: { isFollowing: false } }],
    ['counters', { counters: { ready: false } }],
    ['rules', { rules: { state: { failure: { time: new Date(), faults: [], omittedFaults: 0 } } } }],
    ['routes', { routes: { isOutdated: true } }],
    ['usage', { usage: { backlog: 3 } }],
    ['issuer_keys', { tokens: { unreachableIssuers: 1 } }],
  ])('is degraded because of %s, and says so', (name, change) => {
    const parts = assessDecisionParts({ ...HEALTHY, ...change });
    const degraded = parts.filter(({ health }) => health !== 'healthy');
    expect(degraded).toEqual([{ name, health: 'degraded', message: expect.stringMatching(/\w/) }]);
    expect(assessNode([], parts)).toBe('degraded');
  });

  it('is degraded because of signing keys and the audit trail, and says so', () => {
    const parts = assessWriterParts({ signingKeys: { isMaintained: false }, callEvents: { isFailing: true } });
    expect(parts).toEqual([
      { name: 'signing_keys', health: 'degraded', message: expect.stringMatching(/\w/) },
      { name: 'audit', health: 'degraded', message: expect.stringMatching(/\w/) },
    ]);
  });

  it('is unhealthy while the node is not ready', () => {
    expect(assessNode(['starting'], assessDecisionParts(HEALTHY))).toBe('unhealthy');
  });
});
