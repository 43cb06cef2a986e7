import type { FilterQuery } from '@mikro-orm/postgresql';
import type { DeviceEntity } from '../../database/entities/device-entity.ts';
import { type FilterField, filterByChoice, filterByDay, filterByText } from '../lists/list-filter.ts';

type Condition = FilterQuery<DeviceEntity>;

/** The fields of ListDevices' filter. Each has an index for the devices of all accounts. */
export const DEVICE_FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  blocked: filterByChoice('blocked', ['true', 'false'], (blocked) => ({ blocked: blocked === 'true' })),
  display_name: filterByText((displayName) => ({ displayName })),
  last_seen_time: filterByDay<Condition>('last_seen_time', (day, time) => ({ lastSeenDay: day, lastSeenTime: time }), {
    lastSeenDay: null,
  }),
  last_attempt_time: filterByDay<Condition>(
    'last_attempt_time',
    (day, time) => ({ lastAttemptDay: day, lastAttemptTime: time }),
    { lastAttemptDay: null },
  ),
};
