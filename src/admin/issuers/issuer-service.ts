import { ForeignKeyConstraintViolationException, UniqueConstraintViolationException } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { IssuerEntity, IssuerIssEntity } from '../../database/entities/issuer-entities.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { OWN_ISSUER } from '../../domain/issuers/issuer.ts';
import type { HostList } from '../../domain/issuers/key-url.ts';
import {
  type IssuerServiceService,
  TestIssuerResponse_Step_Kind,
} from '../../generated/weir/admin/v1/issuer_service.ts';
import { findKeyProblem, testIssuer } from '../../identity/verify-tokens/test-issuer.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { flushOrConflict, requireCurrentEtag } from '../fields/etag.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { checkChosenId, requireResourceName } from '../fields/resource-names.ts';
import { unknownPlan } from '../fields/unknown-plan.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import {
  changesKeys,
  checkIssuer,
  type IssuerFields,
  readIssuerChanges,
  readIssuerFields,
  toIssuer,
} from './issuer-fields.ts';
import { EMPTY_ISSUER, toIssuerMessage } from './issuer-message.ts';

export interface IssuerServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
  /** Hosts whose keys may be fetched over plain http. */
  readonly insecureHosts: HostList;
  /** Hosts that may have addresses which are not of the public Internet, to fetch keys from. */
  readonly privateHosts: HostList;
  readonly verifier: { readonly maxTokenBytes: number; readonly ownIssuer: string };
}

type KeyHosts = Pick<IssuerServiceOptions, 'insecureHosts' | 'privateHosts'>;

/** Time that a call which writes an issuer may take to get its keys, which is only for its warnings. */
const MAX_KEY_CHECK_MS = 3_000;

/** Manages external token issuers. For administrators only: a trusted issuer can declare anybody an administrator. */
export function createIssuerService(options: IssuerServiceOptions): Handlers<IssuerServiceService> {
  const { database, authenticate, verifier } = options;
  const check = createCheck(options);
  return {
    async createIssuer({ issuerId, issuer = EMPTY_ISSUER }, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      checkIssuerId(violations, issuerId);
      const fields = readIssuerFields(violations, issuer);
      check(violations, issuerId, fields, fields);
      violations.throwIfAny();
      const row = await writeIssuer(database, async (em) => em.create(IssuerEntity, { id: issuerId, ...fields }));
      return toIssuerMessage(row, await findWarnings(row, options));
    },

    async getIssuer({ name }, context) {
      requireAdmin(await authenticate(context));
      return toIssuerMessage(await findIssuer(database.em.fork(), 'name', name));
    },

    async listIssuers(request, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const page = readPage(violations, { method: 'IssuerService/ListIssuers', ids: 'issuers' }, request);
      violations.throwIfAny();
      const where = { id: { $gt: page.after } };
      const rows = await database.em.fork().find(IssuerEntity, where, { orderBy: { id: 'asc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { issuers: items.map((row) => toIssuerMessage(row)), nextPageToken };
    },

    async updateIssuer({ issuer = EMPTY_ISSUER, updateMask }, context) {
      requireAdmin(await authenticate(context));
      const violations = new FieldViolations();
      const changes = readIssuerChanges(violations, issuer, updateMask);
      const row = await writeIssuer(database, async (em) => {
        const found = await findIssuer(em, 'issuer.name', issuer.name);
        check(violations, found.id, { ...found, ...changes }, changes);
        violations.throwIfAny();
        requireCurrentEtag(issuer, found);
        return em.assign(found, changes);
      });
      return toIssuerMessage(row, changesKeys(changes) ? await findWarnings(row, options) : []);
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
      const steps = await testIssuer(toIssuer(row), token, { ...options, maxTokenBytes });
      return { steps: steps.map(({ step, ...rest }) => ({ step: TestIssuerResponse_Step_Kind[step], ...rest })) };
    },
  };
}

function checkIssuerId(violations: FieldViolations, id: string): void {
  checkChosenId(violations, 'issuer_id', id);
  if (id === OWN_ISSUER) violations.add('issuer_id', `must not be ${OWN_ISSUER}, which stands for Weir itself`);
}

/** Adds the violations of an issuer as a whole. `changes` are the fields that the request writes. */
function createCheck({ insecureHosts, verifier: { ownIssuer } }: IssuerServiceOptions) {
  return (violations: FieldViolations, id: string, fields: IssuerFields, changes: Partial<IssuerFields>): void => {
    checkIssuer(violations, id, fields, changes, insecureHosts);
    checkNotOwn(violations, changes, ownIssuer);
  };
}

/** Weir takes all tokens with its own `iss` for its own, so it would never accept one of this issuer. */
function checkNotOwn(
  violations: FieldViolations,
  { issuer, issuerAliases = [] }: { readonly issuer?: string; readonly issuerAliases?: readonly string[] },
  ownIssuer: string,
): void {
  if (ownIssuer === OWN_ISSUER) return; // reserved by the rules for all issuers
  const description = 'must not be the TOKEN_ISSUER, which is Weir itself';
  if (issuer === ownIssuer) violations.add('issuer.issuer', description);
  const index = issuerAliases.indexOf(ownIssuer);
  if (index >= 0) violations.add(`issuer.issuer_aliases[${index}]`, description);
}

/** A disabled issuer has no warnings: Weir does not use its keys. */
async function findWarnings(row: IssuerEntity, hosts: KeyHosts): Promise<readonly string[]> {
  if (row.disabled) return [];
  const problem = await findKeyProblem(toIssuer(row), { ...hosts, signal: AbortSignal.timeout(MAX_KEY_CHECK_MS) });
  return problem === undefined ? [] : [problem];
}

async function findIssuer(em: EntityManager, field: string, name: string): Promise<IssuerEntity> {
  const row = await em.findOne(IssuerEntity, requireResourceName('issuers', field, name));
  if (row === null) throw new ApiError({ kind: 'not_found', name });
  return row;
}

/**
 * Writes an issuer in a transaction of its own, because the call can be part of one that must not end with the first
 * error of Postgres. Translates the errors about the values of the issuer that `write` returns.
 */
async function writeIssuer(
  database: Database,
  write: (em: EntityManager) => Promise<IssuerEntity>,
): Promise<IssuerEntity> {
  let row: IssuerEntity | undefined;
  try {
    return await database.em.fork().transactional(async (em) => {
      row = await write(em);
      await flushOrConflict(em, `issuers/${row.id}`);
      return row;
    });
  } catch (error) {
    throw row === undefined ? error : await describeFault(database, row, error);
  }
}

async function describeFault(
  database: Database,
  { id, issuer, issuerAliases, defaultPlanId }: IssuerEntity,
  error: unknown,
): Promise<unknown> {
  if (error instanceof ForeignKeyConstraintViolationException) {
    return unknownPlan(defaultPlanId, 'issuer.default_plan');
  }
  if (!(error instanceof UniqueConstraintViolationException)) return error;
  // Either the id or an `iss` claim is taken. Two issuers with one `iss` could treat the same token differently.
  const iss = { $in: [issuer, ...issuerAliases] };
  const other = await database.em.fork().findOne(IssuerIssEntity, { iss, issuerId: { $ne: id } });
  return new ApiError({ kind: 'already_exists', name: `issuers/${other?.issuerId ?? id}` });
}
