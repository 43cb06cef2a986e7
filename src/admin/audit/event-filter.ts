import type { FilterQuery } from '@mikro-orm/postgresql';
import type { AuditEventEntity } from '../../database/audit/audit-event-entity.ts';
import type { Caller } from '../callers/caller.ts';
import { type FilterField, filterByText, filterByTextOrOthers, filterByTime } from '../lists/list-filter.ts';
import { showsActor } from './event-message.ts';

type Condition = FilterQuery<AuditEventEntity>;

/** The fields of ListAuditEvents' filter. Each has an index that is in the order of the list. */
export function createEventFilterFields(caller: Caller): Readonly<Record<string, FilterField<Condition>>> {
  return {
    resource: filterByText((resource) => ({ resource })),
    // A filter must not find an actor that the caller does not see.
    actor: filterByText((actor) => ({ actor: { $in: [actor].filter((name) => showsActor(name, caller)) } })),
    method: filterByText((method) => ({ method })),
    result: filterByTextOrOthers((result) => ({ result })),
    // The id begins with the time in ms, and selects the partitions to read.
    create_time: filterByTime('create_time', ({ operator, time }) => {
      const bound = firstEventId(time.getTime() + (operator === '>' || operator === '<=' ? 1 : 0));
      return { id: operator.startsWith('<') ? { $lt: bound } : { $gte: bound } };
    }),
  };
}

/** The lowest id of the events of a millisecond, as first_audit_event_id() in Postgres computes it. */
function firstEventId(unixMs: number): string {
  const hex = Math.max(unixMs, 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
