import type { LimitJson } from '../generated/weir/admin/v1/limit_pb.js';
import { formatCount } from './numbers.ts';

const UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};
/** From the longest to the shortest, in seconds. */
const WHOLE_UNITS = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Describes a limit in a line, such as `1,000 per minute, sliding window, shared by the account`. */
export function describeLimit(limit: LimitJson): string {
  if (limit.algorithm === 'unlimited') return 'unlimited';
  return [...describeSize(limit), ...describeRest(limit)].filter((part) => part !== '').join(', ');
}

function describeSize({ requests, algorithm = '', burst, window = '' }: LimitJson): string[] {
  const count = formatCount(requests);
  switch (algorithm) {
    case 'credits':
      return [`${count} in all`, 'credits'];
    case 'concurrency':
      return [`${count} at a time`, `freed after ${describeDuration(window)}`];
    case 'token_bucket':
      return [`${count} per ${describeWindow(window)}`, `token bucket of ${formatCount(burst ?? requests)}`];
    default:
      return [`${count} per ${describeWindow(window)}`, algorithm.replaceAll('_', ' ')];
  }
}

function describeRest({ timeZone = '', per, blockFor = '' }: LimitJson): string[] {
  return [
    timeZone,
    per === 'account' ? 'shared by the account' : '',
    blockFor === '' ? '' : `blocks for ${describeDuration(blockFor)}`,
  ];
}

/** Describes the length of a window, such as `minute` or `5 minutes` for `300s`. */
export function describeWindow(window: string): string {
  const [, digits = '', unit = ''] = /^(\d+)(s|m|h|d|w|mo|y)$/.exec(window) ?? [];
  const count = Number(digits);
  if (unit !== 's') return withCount(count, UNITS[unit] ?? window);
  const [name, seconds] = WHOLE_UNITS.find(([, length]) => count % length === 0) ?? ['second', 1];
  return withCount(count / seconds, name);
}

/** Describes a duration, such as `1 minute` for `60s`. */
function describeDuration(duration: string): string {
  const text = describeWindow(duration);
  return /^\d/.test(text) ? text : `1 ${text}`;
}

function withCount(count: number, unit: string): string {
  return count === 1 ? unit : `${formatCount(count)} ${unit}s`;
}
