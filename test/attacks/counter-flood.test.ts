import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { check, httpStatus, shouldRateLimit } from '../support/clients/decision-calls.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

/*
 * One client sends made-up device names until the memory for counters is full. Nobody else may lose theirs: neither new
 * customers, nor clients of other rules.
 */

/** Each device takes one counter for each limit, so that fewer calls fill the memory. */
const LIMITS_OF_DEVICES = Array.from({ length: 8 }, (_, index) => `{name: l${index}, requests: 100, window: 1h}`);
const RULES = `domain: edge
descriptors:
  - {key: device, limits: [${LIMITS_OF_DEVICES.join(', ')}]}
  - {key: remote_address, rate_limit: {requests: 2, window: 1h}}
`;
const UNKNOWN = { 'x-api-key': `wk_live_${'0'.repeat(28)}` };
/** The most descriptors that a call may have. */
const DEVICES_PER_CALL = 64;
const COUNTERS_PER_CALL = DEVICES_PER_CALL * LIMITS_OF_DEVICES.length;
const CALLS_AT_ONCE = 8;
/** 80% of a million counters: the room that one rule can fill. */
const ROOM_FOR_ONE_RULE = 800_000;
/** Calls that were on their way when the room was full are refused whole. */
const MIN_FLOOD = ROOM_FOR_ONE_RULE - CALLS_AT_ONCE * COUNTERS_PER_CALL;
const WARNING = 'the room for counters runs out';

interface LogLine {
  readonly msg: string;
  readonly counters?: readonly { readonly rule: string; readonly counters: number }[];
}

const it = test
  .override({ rules: RULES, environment: { DEVICE_HEADER: 'x-device' } })
  .extend('lines', { scope: 'file' }, (): LogLine[] => [])
  .override('log', ({ lines }) => {
    const write = (line: Buffer, _: unknown, done: () => void) => {
      lines.push(JSON.parse(line.toString()) as LogLine); // pino writes nothing else
      done();
    };
    return pino({ level: 'warn' }, new Writable({ write }));
  });
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

/** Charges new devices until some find no room. Returns the number of their counters. */
async function floodDevices(node: TestNode): Promise<number> {
  let next = 0;
  let admitted = 0;
  const send = async () => {
    for (let isFull = false; !isFull; ) {
      const first = next;
      next += DEVICES_PER_CALL;
      const names = Array.from(
        { length: DEVICES_PER_CALL },
        (_, index) => ['device', `made-up-${first + index}`] as const,
      );
      const { overallCode } = await shouldRateLimit(node.decision, 'edge', ...names);
      isFull = overallCode !== Code.OK;
      if (!isFull) admitted += COUNTERS_PER_CALL;
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, send));
  return admitted;
}

async function checkFrom(
  node: TestNode,
  address: string,
  headers: Record<string, string>,
): Promise<number | undefined> {
  return httpStatus(await check(node.decision, headers, {}, address));
}

function readMetric(text: string, name: string): number {
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
}

describe('a flood of made-up devices', () => {
  it('takes room until a part of it is left', async ({ node }) => {
    expect(await checkFrom(node, '192.0.2.1', { ...UNKNOWN, 'x-device': 'phone' })).toBe(401);
    const admitted = await floodDevices(node);
    expect(admitted).toBeGreaterThan(MIN_FLOOD);
    expect(admitted).toBeLessThanOrEqual(ROOM_FOR_ONE_RULE);
  });

  it('leaves room for new customers, and their limits hold', async ({ node, administrator }) => {
    for (let customer = 0; customer < 5; customer++) {
      const { secret } = await node.createKey(administrator, 'team');
      const statuses = [];
      for (let time = 0; time < 6; time++) {
        statuses.push(await checkFrom(node, `198.51.${customer}.${time}`, { 'x-api-key': secret }));
      }
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    }
  });

  it('leaves room for the counters of other rules', async ({ node }) => {
    const statuses = [];
    for (let time = 0; time < 3; time++) statuses.push(await checkFrom(node, '203.0.113.77', UNKNOWN));
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('meets the failure policy of its rule, and devices with a counter keep it', async ({ node }) => {
    const checkDevice = (device: string, address: string) =>
      checkFrom(node, address, { ...UNKNOWN, 'x-device': device });
    // The calls of the flood were refused whole, so a few more devices may find room.
    for (let index = 0; index < CALLS_AT_ONCE * DEVICES_PER_CALL; index++) {
      if ((await checkDevice(`filler-${index}`, `10.0.${index >> 8}.${index & 255}`)) === 503) break;
    }
    expect(await checkDevice('one-more', '192.0.2.20')).toBe(503);
    expect(await checkDevice('phone', '192.0.2.21')).toBe(401);
    // Less than one device's counters were left. Other rules take them, and more.
    for (const index of LIMITS_OF_DEVICES.keys())
      expect(await checkFrom(node, `203.0.113.${index}`, UNKNOWN)).toBe(401);
  });

  it('shows in the metrics and as a warning in the log', async ({ node, lines }) => {
    const text = await node.metrics();
    expect(readMetric(text, 'weir_counters_fill_ratio')).toBeGreaterThan(0.79);
    expect(readMetric(text, 'weir_counters{rule="edge.device"}')).toBeGreaterThan(MIN_FLOOD);
    expect(readMetric(text, 'weir_counters{rule="catalog"}')).toBeGreaterThan(0);
    expect(readMetric(text, 'weir_counters_refused_total{rule="edge.device"}')).toBeGreaterThan(0);
    expect(text).not.toContain('made-up');
    await waitUntil(() => lines.some(({ msg }) => msg.startsWith(WARNING)));
    expect(lines.find(({ msg }) => msg.startsWith(WARNING))?.counters?.[0]?.rule).toBe('edge.device');
  });
});
