import { ruleOfSubject } from '../../domain/counting/counter-subject.ts';
import type { UsageDimensions } from '../../domain/usage/usage-row.ts';
import type { Usage } from '../ports.ts';
import type { Redemption } from './redeem.ts';

/**
 * Creates the id of a receipt, unique among all receipts. It carries whose usage the grant was recorded as, so that any
 * node can record the settlement of the request: `uuid~` and the base64url of `["account","key","plan","route"]`. Nodes of
 * earlier versions take the whole as an id. undefined: the grant is nobody's usage.
 */
export function createReceiptId(usage: Usage | undefined): string {
  const id = crypto.randomUUID();
  if (usage === undefined) return id;
  const { accountId, keyId = '', planId = '', route = '' } = usage;
  return `${id}~${Buffer.from(JSON.stringify([accountId, keyId, planId, route])).toString('base64url')}`;
}

/** Usage that a redeemed receipt changes. */
export interface SettledUsage {
  readonly owner: UsageDimensions;
  /** Hits to add to those that the grant was recorded with; at most 0 if the request cost no more. */
  readonly hits: number;
}

/** Returns the usage that a redemption changes, once it is done. undefined: none. A slot that is freed costs nothing. */
export function findSettledUsage({ use, hits, receipt }: Redemption): SettledUsage | undefined {
  const owner = parseUsage(receipt?.id ?? '');
  const granted = receipt?.granted.find(({ charge: { subject, limit } }) => {
    return limit.algorithm !== 'concurrency' && ruleOfSubject(subject) === undefined;
  });
  if (owner === undefined || granted === undefined) return undefined;
  const reserved = granted.charge.hits;
  return { owner, hits: use === 'settle' ? hits - reserved : -Math.min(hits, reserved) };
}

/** Reads whose usage a grant was recorded as from the id of its receipt, which is genuine. undefined: nobody's. */
function parseUsage(id: string): UsageDimensions | undefined {
  const [, encoded] = id.split('~');
  if (encoded === undefined) return undefined;
  const parts = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as readonly string[]; // as createReceiptId writes
  const [accountId = '', keyId = '', planId = '', route = ''] = parts;
  return { accountId, keyId, planId, route };
}
