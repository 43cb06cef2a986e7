import type { Correction } from '../decide/ports.ts';

/**
 * Returns the id under which a store remembers that a request has added credits to a counter; undefined: the request has
 * no id, or the change is another one. Ids of receipts have no `|`, so no receipt has the same id.
 */
export function creditsRequestId({ subject, limit, change }: Correction): string | undefined {
  if (change.kind !== 'add_credits' || change.requestId === undefined) return undefined;
  return `credits|${change.requestId}|${limit.identity}|${subject}`;
}
