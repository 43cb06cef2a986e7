import { createQuery, type Database } from '../../database/open-database.ts';
import { queryUsage } from '../../database/usage/query-usage.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import type { UsageServiceService } from '../../generated/weir/admin/v1/usage_service.ts';
import type { Authenticate } from '../callers/caller.ts';
import type { Handlers } from '../methods/unary-service.ts';
import type { CredentialCatalog } from '../tokens/token-info-options.ts';
import { describeUsage } from './describe-usage.ts';
import { findUsageOwner } from './find-usage-owner.ts';
import { readExport } from './read-export.ts';
import { readUsageQuery } from './read-usage-query.ts';
import { toUsageRow } from './usage-message.ts';
import { nextUsagePage } from './usage-page.ts';

export interface UsageServiceOptions {
  readonly database: Database;
  readonly credentials: Pick<CredentialCatalog, 'findPlan'>;
  readonly counters: CounterAdmin;
  readonly authenticate: Authenticate;
}

/** Reads usage. Administrators read all of it, others that of their own account. */
export function createUsageService(options: UsageServiceOptions): Handlers<UsageServiceService> {
  const { database, authenticate } = options;
  return {
    async getUsage({ name }, context) {
      const caller = await authenticate(context);
      const owner = await findUsageOwner(database, name, caller);
      return describeUsage(name, owner, options);
    },

    async queryUsage(request, context) {
      const caller = await authenticate(context);
      const { usage, page } = readUsageQuery(request, caller);
      const { rows, warnings } = await queryUsage(createQuery(database), { ...usage, limit: page.size + 1 });
      const items = rows.slice(0, page.size);
      return {
        rows: items.map((row) => toUsageRow(row)),
        nextPageToken: rows.length > page.size ? nextUsagePage(page, items.at(-1)) : '',
        warnings: [...warnings],
      };
    },

    async exportUsage(request, context) {
      return readExport(database, request, await authenticate(context));
    },
  };
}
