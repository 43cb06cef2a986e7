import { z } from 'zod';
import { parseDuration } from '../../domain/limits/duration.ts';
import { retention } from '../formats.ts';

/** How usage is recorded, and how long it is kept. */
export interface UsageConfig {
  /** Time between two writes to Postgres. A node that is killed loses what it counted since the last one. */
  readonly flushIntervalMs: number;
  readonly hourlyRetentionSeconds: number;
  readonly dailyRetentionSeconds: number;
  /** Also that of corrections. */
  readonly monthlyRetentionSeconds: number;
}

/** Longer intervals would cross the end of an hour. */
const MAX_FLUSH_INTERVAL_SECONDS = 3600;

const flushInterval = z.string().transform((text, context): number => {
  const seconds = parseDuration(text) ?? 0;
  if (seconds >= 1 && seconds <= MAX_FLUSH_INTERVAL_SECONDS) return seconds * 1000;
  context.addIssue({ code: 'custom', message: 'must be a whole number and a unit, such as 60s, from 1s to 1h' });
  return z.NEVER;
});

export const usageVariables = {
  USAGE_FLUSH_INTERVAL: flushInterval.prefault('60s'),
  USAGE_HOURLY_RETENTION: retention.prefault('90d'),
  USAGE_DAILY_RETENTION: retention.prefault('800d'),
  USAGE_MONTHLY_RETENTION: retention.prefault('3650d'),
};

export function readUsageConfig(env: { readonly [Name in keyof typeof usageVariables]: number }): UsageConfig {
  return {
    flushIntervalMs: env.USAGE_FLUSH_INTERVAL,
    hourlyRetentionSeconds: env.USAGE_HOURLY_RETENTION,
    dailyRetentionSeconds: env.USAGE_DAILY_RETENTION,
    monthlyRetentionSeconds: env.USAGE_MONTHLY_RETENTION,
  };
}
