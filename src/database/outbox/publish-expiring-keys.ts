import type { Query } from '../../interfaces/query.ts';

/** Time before its end at which a key is reported. Less than the time for which the ids of events are known. */
const NOTICE_DAYS = 7;

/** A rotated key has a successor, so that its end is no news. The id makes it one event for each expiry time of a key. */
const PUBLISH = `
  select publish_event(type => 'key.expiring', data => jsonb_build_object('name', 'apiKeys/' || id,
      'displayName', display_name, 'account', 'accounts/' || account_id, 'expireTime', audit_time(expire_time)),
    resource => 'apiKeys/' || id, account => account_id,
    id => 'expiring-' || id || '-' || extract(epoch from expire_time)::bigint)
  from api_key
  where is_event_wanted('key.expiring') and not disabled and delete_time is null and successor_id is null
    and expire_time between now() and now() + make_interval(days => ?)`;

/** Publishes `key.expiring` for each key that expires within a week, once. */
export async function publishExpiringKeys(query: Query): Promise<void> {
  await query(PUBLISH, [NOTICE_DAYS]);
}
