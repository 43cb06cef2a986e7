import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.ts';

/** Returns an open breaker: calls sent at 0, 10 and 20 ms timed out, the last one at `openedAt`. */
function openBreaker(openedAt = 200): CircuitBreaker {
  const breaker = new CircuitBreaker();
  const opened = [breaker.recordTimeout(0, 15), breaker.recordTimeout(10, 25), breaker.recordTimeout(20, openedAt)];
  expect(opened).toEqual([false, false, true]);
  return breaker;
}

describe('the circuit breaker', () => {
  it('opens at the third timeout in a row when the server was silent for 200 ms', () => {
    expect(openBreaker().state).toBe('open');
  });

  it('stays closed during a short pause, however many calls time out', () => {
    const breaker = new CircuitBreaker();
    breaker.recordReply(0);
    for (let sentAt = 0; sentAt < 184; sentAt++) breaker.recordTimeout(sentAt, sentAt + 15);
    expect(breaker.state).toBe('closed');
  });

  it('stays closed while the server replies to some calls in time', () => {
    const breaker = new CircuitBreaker();
    for (let now = 0; now < 10_000; now += 150) {
      for (let call = 0; call < 10; call++) breaker.recordTimeout(now, now + 15 + call);
      breaker.recordReply(now + 140);
    }
    expect(breaker.state).toBe('closed');
  });

  it('does not count time without calls as silence', () => {
    const breaker = new CircuitBreaker();
    breaker.recordReply(0);
    for (let call = 0; call < 5; call++) expect(breaker.recordTimeout(60_000 + call, 60_015 + call)).toBe(false);
  });

  it('allows one probe sooner after a late reply, but stays open', () => {
    const breaker = openBreaker();
    breaker.recordLateReply();
    expect([224, 225, 226, 251].map((now) => breaker.allowCall(now))).toEqual([false, true, false, false]);
    breaker.recordLateReply();
    expect([249, 250, 475].map((now) => breaker.allowCall(now))).toEqual([false, true, false]);
    expect(breaker.state).toBe('half-open');
  });

  it('allows one probe every 250 ms, and closes when the server replies to one', () => {
    const breaker = openBreaker();
    expect([449, 450, 451].map((now) => breaker.allowCall(now))).toEqual([false, true, false]);
    expect(breaker.state).toBe('half-open');
    breaker.recordTimeout(450, 465);
    expect(breaker.state).toBe('open');
    expect([714, 715].map((now) => breaker.allowCall(now))).toEqual([false, true]);
    expect(breaker.recordReply(716)).toBe(true);
    expect(breaker.state).toBe('closed');
    expect(breaker.allowCall(717)).toBe(true);
  });

  it('allows another probe when nobody recorded the result of the last one', () => {
    const breaker = openBreaker();
    expect([450, 699, 700].map((now) => breaker.allowCall(now))).toEqual([true, false, true]);
  });

  it('ignores timeouts of calls that were sent before the probe', () => {
    const breaker = openBreaker();
    breaker.allowCall(450);
    breaker.recordTimeout(190, 460);
    expect(breaker.state).toBe('half-open');
  });

  const event = fc.record({
    wait: fc.integer({ min: 0, max: 400 }),
    kind: fc.constantFrom('reply', 'timeout', 'call'),
  });

  it('allows a probe at least every 250 ms while open, and never two within 250 ms', () =>
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const breaker = new CircuitBreaker();
        let now = 0;
        let allowedAt = Number.NEGATIVE_INFINITY;
        for (const { wait, kind } of events) {
          now += wait;
          if (kind === 'reply') breaker.recordReply(now);
          if (kind === 'timeout') breaker.recordTimeout(now - 15, now);
          if (kind !== 'call') continue;
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
