import type { AuditEventEntity } from '../../database/audit/audit-event-entity.ts';
import { AuditEvent_ActorKind as ActorKind, type AuditEvent } from '../../generated/weir/admin/v1/audit_service.ts';
import type { Caller } from '../callers/caller.ts';

/** Users learn that somebody else has changed their account, but not who, or from where. */
export function toAuditEventMessage(row: AuditEventEntity, caller: Caller): AuditEvent {
  const isShown = row.actor === '' || showsActor(row.actor, caller);
  return {
    name: `auditEvents/${row.id}`,
    createTime: row.createTime,
    actor: isShown ? row.actor : '',
    actorKind: ActorKind[row.actorKind],
    session: isShown ? row.session : '',
    peer: isShown ? row.peer : '',
    requestId: isShown ? row.requestId : '',
    method: row.method,
    resource: row.resource,
    result: row.result,
    changes: row.changes.map(({ field, oldValue, newValue }) => ({
      field,
      oldValue: oldValue ?? undefined,
      newValue: newValue ?? undefined,
    })),
  };
}

/** Whether the caller may see an actor. The events that users see name no keys but their own. */
export function showsActor(actor: string, { isAdmin, accountId }: Caller): boolean {
  return isAdmin || actor === `accounts/${accountId}` || actor.startsWith('apiKeys/');
}
