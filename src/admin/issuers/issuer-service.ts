import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { IssuerEntity, IssuerIssEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type { InsecureHosts } from '../../domain/tokens/key-url.ts';
import type { IssuerServiceService } from '../../generated/weir/admin/v1/issuer_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../shared/etag.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readPage, splitPage } from '../shared/paging.ts';
import { checkChosenId, requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';
import { checkIssuer, readIssuerChanges, readIssuerFields } from './issuer-fields.ts';
import { EMPTY_ISSUER, toIssuerMessage } from './issuer-message.ts';

export interface IssuerServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Hosts whose keys may be fetched over plain http. */
  readonly insecureHosts: InsecureHosts;
}

/** Manages external token issuers. For administrators only: a trusted issuer can declare anybody an administrator. */
export function createIssuerService({
  database,
  authenticate,
  insecureHosts,
}: IssuerServiceOptions): Handlers<IssuerServiceService> {
  return {
    async createIssuer({ issuerId, issuer = EMPTY_ISSUER }, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      checkChosenId(violations, 'issuer_id', issuerId);
      const fields = readIssuerFields(violations, issuer);
      checkIssuer(violations, issuerId, fields, fields, insecureHosts);
      violations.throwIfAny();
      const em = database.em.fork();
      const row = em.create(IssuerEntity, { id: issuerId, ...fields });
      await flush(em, row);
      return toIssuerMessage(row);
    },

    async getIssuer({ name }, context) {
      requireAdmin(await authenticate(context));
      return toIssuerMessage(await findIssuer(database.em.fork(), 'name', name));
    },

    async listIssuers(request, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const page = readPage(violations, 'issuers', request);
      violations.throwIfAny();
      const where = { id: { $gt: page.after } };
      const rows = await database.em.fork().find(IssuerEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { issuers: items.map(toIssuerMessage), nextPageToken };
    },

    async updateIssuer({ issuer = EMPTY_ISSUER, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      const row = await findIssuer(em, 'issuer.name', issuer.name);
      const violations = new FieldViolations();
      const changes = readIssuerChanges(violations, issuer, updateMask);
      checkIssuer(violations, row.id, { ...row, ...changes }, changes, insecureHosts);
      violations.throwIfAny();
      requireCurrentEtag(issuer, row);
      em.assign(row, changes);
      await flush(em, row);
      return toIssuerMessage(row);
    },

    // Revocations of the issuer's tokens stay: the issuer may be created again.
    async deleteIssuer({ name }, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      em.remove(await findIssuer(em, 'name', name));
      await flushOrConflict(em, name);
      return {};
    },
  };
}

async function findIssuer(em: EntityManager, field: string, name: string): Promise<IssuerEntity> {
  const row = await em.findOne(IssuerEntity, requireResourceName('issuers', field, name));
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function flush(em: EntityManager, { id, issuer, issuerAliases, defaultPlanId }: IssuerEntity): Promise<void> {
  try {
    await flushOrConflict(em, `issuers/${id}`);
  } catch (error) {
    if (error instanceof ForeignKeyConstraintViolationException) {
      const description = `must be an existing plan (got "plans/${defaultPlanId}")`;
      throw invalidArgument({ field: 'issuer.default_plan', description });
    }
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    // Either the id or an `iss` claim is taken. Two issuers with one `iss` could treat the same token differently.
    const iss = { $in: [issuer, ...issuerAliases] };
    const other = await em.fork().findOne(IssuerIssEntity, { iss, issuerId: { $ne: id } });
    throw new ApiError({ kind: 'already_exists', name: `issuers/${other?.issuerId ?? id}` });
  }
}
