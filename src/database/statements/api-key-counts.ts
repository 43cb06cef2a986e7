import type { EntityManager } from '@mikro-orm/postgresql';

/** The API keys of an account, and how many its plan allows. */
export interface ApiKeyCount {
  readonly accountId: string;
  readonly count: number;
  readonly max: number;
}

/**
 * Counts keys that work, or would if they were enabled. The predecessor of a key does not count during its overlap, so
 * that a rotation always has room. It does once its successor was rotated as well, so that rotations multiply no keys.
 * Accounts of administrators have no bound, because administrators change plans.
 */
const COUNT_KEYS = `
  select account.id as "accountId", plan.max_api_keys as max, (
    select count(*)::int from api_key key
    where key.account_id = account.id and key.delete_time is null
      and coalesce(least(key.expire_time, key.overlap_end_time), 'infinity') > clock_timestamp()
      and (key.overlap_end_time is null or not exists (
        select from api_key successor
        where successor.id = key.successor_id and successor.delete_time is null and successor.overlap_end_time is null))
  ) as count
  from account join plan on plan.id = account.plan_id
  where plan.max_api_keys > 0 and account.role <> 'admin'
    and account.id in (select jsonb_array_elements_text(?::jsonb))
  order by account.id`;

/**
 * Counts the keys of those accounts whose plans bound them. The rows of the accounts must be locked, so that no other
 * call adds keys in the meantime.
 */
export function countApiKeys(em: EntityManager, accountIds: Iterable<string>): Promise<readonly ApiKeyCount[]> {
  return em.execute<ApiKeyCount[]>(COUNT_KEYS, [JSON.stringify([...new Set(accountIds)])]);
}
