import { type DeviceKey, encodeAccount, formatDeviceKey } from '../domain/device.ts';
import type { Query } from '../interfaces/query.ts';
import type { NewDevice } from './new-devices.ts';

/** The requests of a device that were not written yet. Times are Unix times in ms. */
export interface DeviceUses {
  readonly key: DeviceKey;
  requests: number;
  attempts: number;
  /** undefined: no request was allowed. */
  seenAt: number | undefined;
  /** undefined: no request was denied. */
  attemptedAt: number | undefined;
}

/** Takes a JSON list of rows. Another node may have registered the same devices. */
const INSERT_DEVICES = `
  insert into device (id, account_id, first_seen_time, create_time, update_time)
  select id, account_id, created, created, now()
  from (
    select id, account_id, to_timestamp(created_at / 1000.0) as created
    from json_to_recordset(?::json) as noted(id text, account_id text, created_at bigint)
  ) new
  order by id
  on conflict (id) do nothing`;

/**
 * Takes a JSON list of rows. Rows are locked in the order of their ids, so that nodes which write the same devices wait
 * for each other instead of deadlocking. No trigger lists the columns, and the version stays the same.
 */
const ADD_USES = `
  update device set
    request_count = request_count + used.requests,
    attempt_count = attempt_count + used.attempts,
    first_seen_time = coalesce(first_seen_time, to_timestamp(used.seen_at / 1000.0)),
    last_seen_time = greatest(last_seen_time, to_timestamp(used.seen_at / 1000.0)),
    last_attempt_time = greatest(last_attempt_time, to_timestamp(used.attempted_at / 1000.0))
  from (
    select noted.*
    from json_to_recordset(?::json)
      as noted(id text, requests bigint, attempts bigint, seen_at bigint, attempted_at bigint)
    join device using (id)
    order by id for no key update of device
  ) used
  where device.id = used.id`;

export async function insertDevices(query: Query, devices: readonly NewDevice[]): Promise<void> {
  const rows = devices.map(({ key, createdAt }) => {
    return { id: formatDeviceKey(key), account_id: encodeAccount(key.accountId), created_at: createdAt };
  });
  await query(INSERT_DEVICES, [JSON.stringify(rows)]);
}

/** Adds uses to devices. Those that were deleted meanwhile are left out. */
export async function addUses(query: Query, uses: readonly DeviceUses[]): Promise<void> {
  const rows = uses.map(({ key, requests, attempts, seenAt, attemptedAt }) => {
    return { id: formatDeviceKey(key), requests, attempts, seen_at: seenAt ?? null, attempted_at: attemptedAt ?? null };
  });
  await query(ADD_USES, [JSON.stringify(rows)]);
}
