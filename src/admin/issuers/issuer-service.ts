import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { IssuerEntity, IssuerIssEntity } from '../../database/entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type { InsecureHosts } from '../../domain/issuers/key-url.ts';
import {
  type IssuerServiceService,
  TestIssuerResponse_Step_Kind,
} from '../../generated/weir/admin/v1/issuer_service.ts';
import { findKeyProblem, testIssuer } from '../../identity/verify-tokens/test-issuer.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../shared/etag.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { readPage, splitPage } from '../shared/paging.ts';
import { checkChosenId, requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';
import { changesKeys, checkIssuer, readIssuerChanges, readIssuerFields, toIssuer } from './issuer-fields.ts';
import { EMPTY_ISSUER, toIssuerMessage } from './issuer-message.ts';

export interface IssuerServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Hosts whose keys may be fetched over plain http. */
  readonly insecureHosts: InsecureHosts;
  readonly verifier: { readonly maxTokenBytes: number };
}

/** Time that a call which writes an issuer may take to get its keys, which is only for its warnings. */
const MAX_KEY_CHECK_MS = 3_000;

/** Manages external token issuers. For administrators only: a trusted issuer can declare anybody an administrator. */
export function createIssuerService({
  database,
  authenticate,
  insecureHosts,
  verifier,
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
      return toIssuerMessage(row, await findWarnings(row, insecureHosts));
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
      return { issuers: items.map((row) => toIssuerMessage(row)), nextPageToken };
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
      return toIssuerMessage(row, changesKeys(changes) ? await findWarnings(row, insecureHosts) : []);
    },

    // Revocations of the issuer's tokens stay: the issuer may be created again.
    async deleteIssuer({ name }, context) {
      requireAdmin(await authenticate(context));
      const em = database.em.fork();
      em.remove(await findIssuer(em, 'name', name));
      await flushOrConflict(em, name);
      return {};
    },

    async testIssuer({ name, token }, context) {
      requireAdmin(await authenticate(context));
      const row = await findIssuer(database.em.fork(), 'name', name);
      const { maxTokenBytes } = verifier;
      const steps = await testIssuer(toIssuer(row), token, { insecureHosts, maxTokenBytes });
      return { steps: steps.map(({ step, ...rest }) => ({ step: TestIssuerResponse_Step_Kind[step], ...rest })) };
    },
  };
}

/** A disabled issuer has no warnings: Weir does not use its keys. */
async function findWarnings(row: IssuerEntity, insecureHosts: InsecureHosts): Promise<readonly string[]> {
  if (row.disabled) return [];
  const problem = await findKeyProblem(toIssuer(row), { insecureHosts, signal: AbortSignal.timeout(MAX_KEY_CHECK_MS) });
  return problem === undefined ? [] : [problem];
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
