import { AuditEventEntity } from '../../database/audit/audit-event-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { AuditServiceService } from '../../generated/weir/admin/v1/audit_service.ts';
import type { Authenticate, Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import { readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { createEventFilterFields } from './event-filter.ts';
import { toAuditEventMessage } from './event-message.ts';

export interface AuditServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

/** Reads the audit trail. Administrators read all events, others those of their own account. */
export function createAuditService({ database, authenticate }: AuditServiceOptions): Handlers<AuditServiceService> {
  return {
    async getAuditEvent({ name }, context) {
      const caller = await authenticate(context);
      const id = requireResourceName('auditEvents', 'name', name);
      const row = await database.em.fork().findOne(AuditEventEntity, { id, ...ownEvents(caller) });
      if (row === null) throw new ApiError({ kind: 'not_found', name });
      return toAuditEventMessage(row, caller);
    },

    async listAuditEvents(request, context) {
      const caller = await authenticate(context);
      const violations = new FieldViolations();
      const { conditions } = readFilter(violations, request.filter, createEventFilterFields(caller));
      const page = readPage(violations, { method: 'AuditService/ListAuditEvents', ids: 'auditEvents' }, request);
      violations.throwIfAny();
      const where = { $and: [page.after === '' ? {} : { id: { $lt: page.after } }, ownEvents(caller), ...conditions] };
      const rows = await database.em
        .fork()
        .find(AuditEventEntity, where, { orderBy: { id: 'desc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { auditEvents: items.map((row) => toAuditEventMessage(row, caller)), nextPageToken };
    },
  };
}

function ownEvents({ isAdmin, accountId }: Caller): { readonly accountId?: string } {
  return isAdmin || accountId === undefined ? {} : { accountId };
}
