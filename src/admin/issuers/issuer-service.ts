import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { IssuerEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import { Issuer, type IssuerServiceService } from '../../generated/weir/admin/v1/issuer_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { checkEtag, flushOrConflict } from '../shared/etag.ts';
import { FieldViolations, splitPage } from '../shared/field-violations.ts';
import type { Handlers } from '../shared/service.ts';
import { readIssuerChanges, readIssuerFields, toIssuerMessage, validateIssuer } from './issuer-fields.ts';

/** What a request without an issuer means. */
const emptyIssuer: Issuer = Issuer.create();

export interface IssuerServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

/** For administrators: whoever may say whose tokens are good may say who is one. */
export function createIssuerService({ database, authenticate }: IssuerServiceOptions): Handlers<IssuerServiceService> {
  return {
    async createIssuer({ issuerId, issuer = emptyIssuer }, context) {
      requireAdmin(await authenticate(context));
      const faults = new FieldViolations();
      faults.chosenId('issuer_id', issuerId);
      const fields = readIssuerFields(faults, issuer);
      validateIssuer(faults, issuerId, fields);
      faults.throwIfAny();
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
      const faults = new FieldViolations();
      const page = faults.page('issuers', request);
      faults.throwIfAny();
      const where = { id: { $gt: page.after } };
      const rows = await database.em.fork().find(IssuerEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { issuers: items.map(toIssuerMessage), nextPageToken };
    },

    async updateIssuer({ issuer = emptyIssuer, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      const row = await findIssuer(em, 'issuer.name', issuer.name);
      const faults = new FieldViolations();
      const changes = readIssuerChanges(faults, issuer, updateMask);
      validateIssuer(faults, row.id, { ...row, ...changes });
      faults.throwIfAny();
      checkEtag(issuer, row);
      em.assign(row, changes);
      await flush(em, row);
      return toIssuerMessage(row);
    },

    // What was revoked of its tokens stays so: it may be made again.
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
  const faults = new FieldViolations();
  const id = faults.idOf('issuers', field, name);
  faults.throwIfAny();
  const row = await em.findOne(IssuerEntity, id);
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

async function flush(em: EntityManager, { id, issuer, defaultPlanId }: IssuerEntity): Promise<void> {
  try {
    await flushOrConflict(em, `issuers/${id}`);
  } catch (error) {
    if (error instanceof ForeignKeyConstraintViolationException) {
      const description = `names a plan that does not exist: plans/${defaultPlanId}`;
      throw invalidArgument({ field: 'issuer.default_plan', description });
    }
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    // Of the id, or of the claim `iss`: two issuers of one would judge its tokens differently.
    const other = await em.fork().findOne(IssuerEntity, { issuer, id: { $ne: id } });
    throw new ApiError({ kind: 'already_exists', name: `issuers/${other?.id ?? id}` });
  }
}
