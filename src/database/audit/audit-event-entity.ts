import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ActorKind, FieldChange } from '../../domain/audit-event.ts';

/** The audit trail. Triggers write the events of changes, in the transaction of the change. */
export const AuditEventEntity = defineEntity({
  name: 'AuditEventEntity',
  tableName: 'audit_event',
  properties: {
    /** A UUID of version 7: it begins with the time of the event. */
    id: p.uuid().primary(),
    createTime: p.datetime(),
    /** The name of a resource, or of a role of the database. */
    actor: p.text(),
    actorKind: p.text().$type<ActorKind>(),
    session: p.text(),
    peer: p.text(),
    requestId: p.text(),
    /** A method of the admin API, or a statement: INSERT, UPDATE, DELETE. */
    method: p.text(),
    resource: p.text(),
    /** The account whose users may read the event; null: administrators only. */
    accountId: p.text().nullable().strictNullable(),
    /** OK, or the reason of the error. */
    result: p.text(),
    changes: p.json<readonly FieldChange[]>(),
  },
});
export type AuditEventEntity = InferEntity<typeof AuditEventEntity>;
