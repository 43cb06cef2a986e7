import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';

const read = (environment: Record<string, string>) => readConfig(environment).shutdown;

test('the delay of a stop is 5 s under Kubernetes, and none elsewhere, unless it is set', () => {
  expect(read({})).toEqual({ delayMs: 0, drainMs: 10_000, timeoutMs: 25_000 });
  expect(read({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toEqual({ delayMs: 5_000, drainMs: 10_000, timeoutMs: 25_000 });
  expect(read({ KUBERNETES_SERVICE_HOST: '10.0.0.1', SHUTDOWN_DELAY_MS: '0' })).toMatchObject({ delayMs: 0 });
  expect(read({ SHUTDOWN_DELAY_MS: '8000', SHUTDOWN_TIMEOUT_MS: '10000' })).toEqual({
    delayMs: 8_000,
    drainMs: 1_000,
    timeoutMs: 10_000,
  });
});

test('a short timeout leaves time for the stop itself under Kubernetes, too', () => {
  expect(read({ KUBERNETES_SERVICE_HOST: '10.0.0.1', SHUTDOWN_TIMEOUT_MS: '4000' })).toEqual({
    delayMs: 2_000,
    drainMs: 1_000,
    timeoutMs: 4_000,
  });
});

test.each([
  [{ SHUTDOWN_DELAY_MS: '25000' }, /^SHUTDOWN_TIMEOUT_MS: must be more than SHUTDOWN_DELAY_MS/],
  [{ SHUTDOWN_DELAY_MS: '-1' }, /^SHUTDOWN_DELAY_MS: must be a whole number of milliseconds from 0 to 300000/],
  [{ SHUTDOWN_TIMEOUT_MS: '5s' }, /^SHUTDOWN_TIMEOUT_MS: must be a whole number of milliseconds from 1000 to 600000/],
])('rejects %j', (environment, fault) => {
  expect(() => readConfig(environment)).toThrow(fault);
});
