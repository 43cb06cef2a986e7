import { describe, expect, it } from 'vitest';
import type { KeyRecord } from '../../decide/ports.ts';
import { UNRESTRICTED } from '../../domain/account-state.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { type Plan, parsePlanLimits } from '../../domain/limits/plan.ts';
import type { UntrustedPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import { Struct } from '../../generated/google/protobuf/struct.ts';
import { PublishedLimits, type UnpublishedLimit } from './published-limits.ts';

function parse(specs: readonly UntrustedPlanLimitSpec[]) {
  const limits = parsePlanLimits(specs);
  if ('faults' in limits) throw new Error(JSON.stringify(limits.faults));
  return limits;
}

const createPlan = (...specs: readonly UntrustedPlanLimitSpec[]): Plan => ({
  id: 'team',
  limits: parse(specs),
  features: [],
});
const createKey = (...specs: readonly UntrustedPlanLimitSpec[]): KeyRecord => ({
  id: 'k1',
  counterId: 'k1',
  accountId: 'a1',
  planId: 'team',
  policy: { ...NO_POLICY, limits: parse(specs) },
  disabled: false,
  accountState: UNRESTRICTED,
  expiresAt: undefined,
});

/** Returns the published entries, and what was left out. */
function publish(plan: Plan, credential = createKey()) {
  const unpublished: UnpublishedLimit[] = [];
  const published = new PublishedLimits((limit) => unpublished.push(limit));
  const bytes = published.encode({ credential, plan });
  return { metadata: Struct.unwrap(Struct.decode(bytes)), unpublished };
}

describe('the limits in Check’s metadata', () => {
  it('have each limit by its name and by its metadata_key', () => {
    const { metadata } = publish(
      createPlan(
        { name: 'burst', requests: 5, window: '60s', metadataKey: 'total_limit' },
        { name: 'none', requests: 0, window: '1h', metadataKey: 'suspended' },
      ),
    );
    const burst = { requests_per_unit: 5, unit: 'MINUTE' };
    const none = { requests_per_unit: 0, unit: 'HOUR' };
    expect(metadata).toEqual({ limits: { burst, none }, total_limit: burst, suspended: none });
  });

  it.for([
    ['1s', undefined, 'SECOND'],
    ['60s', 'fixed_window', 'MINUTE'],
    ['1h', 'token_bucket', 'HOUR'],
    ['1d', 'calendar', 'DAY'],
    ['1mo', 'calendar', 'MONTH'],
    ['30d', 'sliding_window', 'MONTH'],
    ['1y', 'calendar', 'YEAR'],
  ] as const)('write the window %s of the algorithm %s as %s', ([window, algorithm, unit]) => {
    const { metadata } = publish(createPlan({ name: 'a', requests: 5, window, algorithm }));
    expect(metadata).toEqual({ limits: { a: { requests_per_unit: 5, unit } } });
  });

  it('leave out windows of several units, and report each of them once', () => {
    const unpublished: UnpublishedLimit[] = [];
    const published = new PublishedLimits((limit) => unpublished.push(limit));
    for (let version = 0; version < 3; version++) {
      const plan = createPlan(
        ...['30s', '90s', '2h', '1w'].map((window) => ({ name: `w${window}`, requests: 5, window })),
      );
      expect(published.encode({ credential: createKey(), plan })).toHaveLength(0);
    }
    expect(unpublished.map(({ owner, windowSeconds }) => [owner, windowSeconds])).toEqual([
      ['plans/team', 30],
      ['plans/team', 90],
      ['plans/team', 7200],
      ['plans/team', 604_800],
    ]);
  });

  it('leave out limits without requests per unit, without a report', () => {
    const { metadata, unpublished } = publish(
      createPlan(
        { name: 'a', algorithm: 'unlimited' },
        { name: 'b', algorithm: 'credits', requests: 5 },
        { name: 'c', algorithm: 'concurrency', requests: 5, window: '60s' },
      ),
    );
    expect([metadata, unpublished]).toEqual([{}, []]);
  });

  it('have the lower rate where a plan and a key share a name or a metadata_key', () => {
    const plan = createPlan(
      { name: 'a', requests: 5, window: '60s', metadataKey: 'total' },
      { name: 'b', requests: 100, window: '1s' },
    );
    const key = createKey(
      { name: 'a', requests: 200, window: '1h' },
      { name: 'b', requests: 9, window: '1s', metadataKey: 'total' },
    );
    expect(publish(plan, key).metadata).toEqual({
      limits: { a: { requests_per_unit: 200, unit: 'HOUR' }, b: { requests_per_unit: 9, unit: 'SECOND' } },
      total: { requests_per_unit: 5, unit: 'MINUTE' },
    });
  });

  it('are the same bytes until the plan or the key changes', () => {
    const published = new PublishedLimits(() => {});
    const plan = createPlan({ name: 'a', requests: 5, window: '60s' });
    const ownLimit = { name: 'b', requests: 5, window: '60s' };
    const key = createKey(ownLimit);
    const first = published.encode({ credential: createKey(), plan });
    expect(published.encode({ credential: createKey(), plan })).toBe(first);
    expect(published.encode({ credential: createKey(), plan: { ...plan } })).not.toBe(first);
    const own = published.encode({ credential: key, plan });
    expect(published.encode({ credential: key, plan })).toBe(own);
    expect(published.encode({ credential: key, plan: { ...plan } })).not.toBe(own);
  });
});
