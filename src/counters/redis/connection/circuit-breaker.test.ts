import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.ts';

/** A breaker that was opened: calls sent at 0, 10 and 20 ms were given up, the last one at `at`. */
function opened(at = 200): CircuitBreaker {
  const breaker = new CircuitBreaker();
  expect([breaker.recordTimeout(0, 15), breaker.recordTimeout(10, 25), breaker.recordTimeout(20, at)]).toEqual([
    false,
    false,
    true,
  ]);
  return breaker;
}

describe('a breaker', () => {
  it('opens by the third silence in a row, if 200 ms are silent', () => {
    expect(opened().state).toBe('open');
  });

  it('stays closed over a short pause, however many calls that meets', () => {
    const breaker = new CircuitBreaker();
    breaker.recordReply(0);
    for (let sentAt = 0; sentAt < 184; sentAt++) breaker.recordTimeout(sentAt, sentAt + 15);
    expect(breaker.state).toBe('closed');
  });

  it('stays closed while some calls are answered in time', () => {
    const breaker = new CircuitBreaker();
    for (let now = 0; now < 10_000; now += 150) {
      for (let call = 0; call < 10; call++) breaker.recordTimeout(now, now + 15 + call);
      breaker.recordReply(now + 140);
    }
    expect(breaker.state).toBe('closed');
  });

  it('does not count the time in which nothing was asked', () => {
    const breaker = new CircuitBreaker();
    breaker.recordReply(0);
    for (let call = 0; call < 5; call++) expect(breaker.recordTimeout(60_000 + call, 60_015 + call)).toBe(false);
  });

  it('lets one call through every 250 ms, and closes when one is answered', () => {
    const breaker = opened();
    expect([449, 450, 451].map((now) => breaker.allowCall(now))).toEqual([false, true, false]);
    expect(breaker.state).toBe('half-open');
    breaker.recordTimeout(450, 465);
    expect(breaker.state).toBe('open');
    expect([714, 715].map((now) => breaker.allowCall(now))).toEqual([false, true]);
    expect(breaker.recordReply(716)).toBe(true);
    expect(breaker.state).toBe('closed');
    expect(breaker.allowCall(717)).toBe(true);
  });

  it('probes again where nobody told what became of a probe', () => {
    const breaker = opened();
    expect([450, 699, 700].map((now) => breaker.allowCall(now))).toEqual([true, false, true]);
  });

  it('is not put off by calls that were sent before the probe', () => {
    const breaker = opened();
    breaker.allowCall(450);
    breaker.recordTimeout(190, 460);
    expect(breaker.state).toBe('half-open');
  });

  const event = fc.record({
    wait: fc.integer({ min: 0, max: 400 }),
    kind: fc.constantFrom('answered', 'gaveUp', 'ask'),
  });

  it('is never open for longer than 250 ms without allowing a probe, nor allows two within', () =>
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const breaker = new CircuitBreaker();
        let now = 0;
        let allowedAt = Number.NEGATIVE_INFINITY;
        for (const { wait, kind } of events) {
          now += wait;
          if (kind === 'answered') breaker.recordReply(now);
          if (kind === 'gaveUp') breaker.recordTimeout(now - 15, now);
          if (kind !== 'ask') continue;
          const wasClosed = breaker.state === 'closed';
          const isAllowed = breaker.allowCall(now);
          if (wasClosed) expect(isAllowed).toBe(true);
          else if (isAllowed) {
            expect(now - allowedAt).toBeGreaterThanOrEqual(250);
            allowedAt = now;
          }
        }
        if (breaker.state !== 'closed') expect(breaker.allowCall(now + 250)).toBe(true);
      }),
      { numRuns: 2000 },
    ));
});
