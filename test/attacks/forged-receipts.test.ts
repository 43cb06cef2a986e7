import { createHmac } from 'node:crypto';
import { describe, expect } from 'vitest';
import { rotateReceiptKeys } from '../../src/catalog/feed/rotate-receipt-keys.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { Query } from '../../src/interfaces/query.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';

/*
 * A receipt can put any counter into debt, free what others have spent, and create counters that live for centuries. A
 * caller that reaches the rate limit service must not be able to make one up.
 */

const RULES = `domain: slots
descriptors:
  - key: account
    rate_limit: {name: in-flight, requests: 1, window: 1h, algorithm: concurrency, on_store_failure: deny}
  - key: quota
    rate_limit: {name: month, requests: 100, window: 1mo, algorithm: calendar, settle: true, on_store_failure: deny}
`;

const it = test
  .override('rules', RULES)
  .extend('query', { scope: 'file' }, async ({ databaseUrl }, { onCleanup }): Promise<Query> => {
    const database = await openDatabase({ url: databaseUrl });
    onCleanup(() => database.close(true));
    return createQuery(database);
  });

function rateLimit(node: TestNode, key: string, value: string, hits = 1): Promise<RateLimitResponse> {
  const request = RateLimitRequest.fromPartial({
    domain: 'slots',
    descriptors: [{ entries: [{ key, value }], hitsAddend: hits }],
  });
  return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
}

async function freeSlots(node: TestNode, receipt: string): Promise<void> {
  const request = RateLimitRequest.fromPartial({
    domain: 'slots',
    descriptors: [{ entries: [{ key: 'receipt', value: receipt }], isNegativeHits: true }],
  });
  await node.decision.call(RateLimitServiceService.shouldRateLimit, request);
}

const readReceipt = ({ dynamicMetadata }: RateLimitResponse) => String(dynamicMetadata?.receipt);

/** A receipt of this payload under a key that the attacker has made up, or has the id of. */
function forge(payload: unknown, keyId: string): string {
  const text = Buffer.from(JSON.stringify(payload)).toString('base64url');
  const mac = createHmac('sha256', 'made up').update(text).digest().subarray(0, 16).toString('base64url');
  return `${text}.${keyId}.${mac}`;
}

describe('a receipt that no node has issued', () => {
  it('frees no slot that another request holds', async ({ node }) => {
    const receipt = readReceipt(await rateLimit(node, 'account', 'held'));
    const [payload = '', keyId = ''] = receipt.split('.');
    const parsed: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    for (const forged of [payload, forge(parsed, keyId), `${receipt.slice(0, -2)}AA`, forge(parsed, 'x')]) {
      await freeSlots(node, forged);
      expect((await rateLimit(node, 'account', 'held')).overallCode).toBe(Code.OVER_LIMIT);
    }
    await freeSlots(node, receipt);
    await expect.poll(async () => (await rateLimit(node, 'account', 'held')).overallCode).toBe(Code.OK);
  });

  it('puts no counter into debt', async ({ node }) => {
    const receipt = readReceipt(await rateLimit(node, 'quota', 'victim'));
    const [payload = '', keyId = ''] = receipt.split('.');
    const [version, , source, expiresAt, entries]: unknown[] = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const forged = forge([version, 'made-up', source, expiresAt, entries], keyId);
    await rateLimit(node, 'receipt', forged, 1_000_000);
    const { overallCode, statuses } = await rateLimit(node, 'quota', 'victim', 0);
    expect([overallCode, statuses[0]?.limitRemaining]).toEqual([Code.OK, 99]);
  });
});

describe('the keys of receipts', () => {
  it('are replaced daily, and receipts of the replaced one stay good', async ({ node, startNode, query }) => {
    const receipt = readReceipt(await rateLimit(node, 'account', 'rotated'));
    const [, oldKeyId] = receipt.split('.');
    await query(`update receipt_key set create_time = now() - interval '25 hours'`, []);
    await rotateReceiptKeys(query);
    expect(await query('select count(*)::int as count from receipt_key', [])).toEqual([{ count: 2 }]);
    await query(`update receipt_key set create_time = now() - interval '2 minutes' where id <> ?`, [oldKeyId]);
    const newKeyId = async () => readReceipt(await rateLimit(node, 'account', crypto.randomUUID())).split('.')[1];
    await expect.poll(newKeyId, { interval: 100 }).not.toBe(oldKeyId);
    await freeSlots(node, receipt);
    await expect.poll(async () => (await rateLimit(node, 'account', 'rotated')).overallCode).toBe(Code.OK);
    const other = await startNode();
    expect(readReceipt(await rateLimit(other, 'account', 'elsewhere')).split('.')[1]).toBe(await newKeyId());
  });

  it('are deleted once no receipt of them can be left', async ({ query }) => {
    await query(`update receipt_key set create_time = create_time - interval '25 hours'`, []);
    await rotateReceiptKeys(query);
    expect(await query('select count(*)::int as count from receipt_key', [])).toEqual([{ count: 3 }]);
    await query(`update receipt_key set create_time = create_time - interval '2 hours'`, []);
    await rotateReceiptKeys(query);
    expect(await query('select count(*)::int as count from receipt_key', [])).toEqual([{ count: 2 }]);
  });
});
