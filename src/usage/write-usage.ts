import type { Query } from '../interfaces/query.ts';
import type { UsageFlush } from './pending-usage.ts';

/**
 * Writes a flush once, in one statement. Takes the node, the sequence, and a JSON array of rows.
 *
 * The node's row says which of its flushes are written. Hours that were added to their day already are immutable, so that
 * an export of them never changes: their usage is a correction (database/usage). The row of `usage_state` stays locked
 * until the end, so the hours cannot be added up in between. Rows are locked in the order of their keys, so that nodes
 * which write the same rows wait for each other instead of deadlocking. Each row is an event, if a webhook wants it; its
 * id is the same whenever the flush is repeated. An hour that is in the future, or older than
 * everything that is kept, counts for the nearest one.
 */
const WRITE_FLUSH = `
  with state as materialized (
    select rolled_until, cluster_id from usage_state for share
  ), acknowledged as (
    insert into usage_node (id, sequence, update_time) values (?, ?, now())
    on conflict (id) do update set sequence = excluded.sequence, update_time = excluded.update_time
      where usage_node.sequence < excluded.sequence
    returning id, sequence
  ), flushed as materialized (
    select greatest(least(to_timestamp(hour), date_trunc('hour', now(), 'UTC')), first_usage_hour()) as hour, rolled_until,
      cluster_id, id as node, sequence,
      account, key, plan, route, sum(allowed) as allowed, sum(limited) as limited, sum(exceeded) as exceeded,
      sum(denied) as denied, sum(hits) as hits
    from json_to_recordset(?::json) as row(hour bigint, account text, key text, plan text, route text,
      allowed bigint, limited bigint, exceeded bigint, denied bigint, hits bigint), acknowledged, state
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
  ), corrected as (
    insert into usage_correction as kept (account_id, hour, api_key_id, plan_id, route, record_time,
      allowed, rate_limited, quota_exceeded, denied, hits)
    select account, hour, key, plan, route, date_trunc('day', now(), 'UTC'), allowed, limited, exceeded, denied, hits
    from flushed where hour < rolled_until
    order by account, hour, key, plan, route
    on conflict (account_id, hour, api_key_id, plan_id, route, record_time) do update set
      allowed = kept.allowed + excluded.allowed, rate_limited = kept.rate_limited + excluded.rate_limited,
      quota_exceeded = kept.quota_exceeded + excluded.quota_exceeded, denied = kept.denied + excluded.denied,
      hits = kept.hits + excluded.hits
  ), added as (
    insert into usage_hour as kept (account_id, hour, api_key_id, plan_id, route,
      allowed, rate_limited, quota_exceeded, denied, hits)
    select account, hour, key, plan, route, allowed, limited, exceeded, denied, hits
    from flushed where hour >= rolled_until
    order by account, hour, key, plan, route
    on conflict (account_id, hour, api_key_id, plan_id, route) do update set
      allowed = kept.allowed + excluded.allowed, rate_limited = kept.rate_limited + excluded.rate_limited,
      quota_exceeded = kept.quota_exceeded + excluded.quota_exceeded, denied = kept.denied + excluded.denied,
      hits = kept.hits + excluded.hits
  )
  select publish_event(
    type => case when hour < rolled_until then 'usage.corrected' else 'usage.recorded' end,
    data => jsonb_build_object('account', case account when '' then '' else 'accounts/' || account end,
      'apiKey', case key when '' then '' else 'apiKeys/' || key end, 'plan', case plan when '' then '' else 'plans/' || plan end,
      'route', route, 'hour', audit_time(hour), 'allowed', allowed, 'rateLimited', limited, 'quotaExceeded', exceeded,
      'denied', denied, 'hits', hits)
      || case when hour < rolled_until then jsonb_build_object('corrects', audit_time(hour)) else '{}' end,
    resource => case account when '' then '' else 'accounts/' || account end,
    account => nullif(account, ''),
    id => encode(sha256(convert_to(jsonb_build_array(cluster_id, node, sequence, audit_time(hour), account, key, plan, route)::text,
      'UTF8')), 'hex'))
  from flushed
  where is_event_wanted('usage.recorded') or is_event_wanted('usage.corrected')`;

/** Writes a flush, unless it is written already. */
export async function writeUsage(query: Query, { node, sequence, rows }: UsageFlush): Promise<void> {
  const records = rows.map((row) => ({
    hour: row.hour,
    account: row.accountId,
    key: row.keyId,
    plan: row.planId,
    route: row.route,
    allowed: row.allowed,
    limited: row.rateLimited,
    exceeded: row.quotaExceeded,
    denied: row.denied,
    hits: row.hits,
  }));
  await query(WRITE_FLUSH, [node, sequence, JSON.stringify(records)]);
}
