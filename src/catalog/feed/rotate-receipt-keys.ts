import type { Logger } from '../../interfaces/logger.ts';
import type { Query } from '../../interfaces/query.ts';

const CHECK_INTERVAL_MS = 10 * 60 * 1000;

/** Adds a key once the newest one is a day old. Two nodes that add one at once do no harm. */
const ADD_KEY = `
  insert into receipt_key (id, secret, create_time)
  select left(gen_random_uuid()::text, 8),
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), now()
  where not exists (select from receipt_key where create_time > now() - interval '1 day')`;

/**
 * Deletes keys that a newer one has replaced for longer than a receipt can last: a day, for slots, and the time until
 * all nodes use the newer one.
 */
const DELETE_KEYS = `
  delete from receipt_key old where exists (
    select from receipt_key newer
    where newer.create_time > old.create_time and newer.create_time < now() - interval '26 hours')`;

/** Replaces the keys of receipts that are due. */
export async function rotateReceiptKeys(query: Query): Promise<void> {
  await query(ADD_KEY, []);
  await query(DELETE_KEYS, []);
}

/** Replaces the keys of receipts from time to time. For nodes that write the catalog. Returns a function that stops it. */
export function startReceiptKeyRotation(query: Query, log: Logger): () => void {
  const rotate = () => {
    rotateReceiptKeys(query).catch((error: unknown) => {
      log.warn({ err: error }, 'could not replace the keys of receipts; trying again later');
    });
  };
  rotate();
  const timer = setInterval(rotate, CHECK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
