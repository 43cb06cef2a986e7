import type { IssuerEntity } from '../../database/entities/issuer-entities.ts';
import {
  type ClaimNamesSpec,
  type Issuer as DomainIssuer,
  findForbiddenHost,
  parseIssuer,
} from '../../domain/issuers/issuer.ts';
import { DEFAULT_AUDIENCE_CLAIM } from '../../domain/issuers/issuer-audience.ts';
import type { JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import { findWildcards } from '../../domain/issuers/issuer-text.ts';
import type { HostList } from '../../domain/issuers/key-url.ts';
import { Claims, type Issuer } from '../../generated/weir/admin/v1/issuer_service.ts';
import { checkDisplayName, readUpdateMask } from '../fields/common-fields.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import { readResourceName } from '../fields/resource-names.ts';

/** The columns of an issuer that an update can change. */
export type IssuerFields = Pick<
  IssuerEntity,
  | 'displayName'
  | 'issuer'
  | 'issuerAliases'
  | 'audiences'
  | 'audienceClaim'
  | 'requiredClaims'
  | 'algorithms'
  | 'jwks'
  | 'jwksUri'
  | 'insecureHttp'
  | 'claims'
  | 'defaultPlanId'
  | 'catalogAccounts'
  | 'disabled'
>;

const KEY_FIELDS = ['issuer', 'issuerAliases', 'jwks', 'jwksUri', 'insecureHttp'] as const;

/** The fields of an issuer in the form in which they are stored. `checkIssuer` validates them. */
export function readIssuerFields(violations: FieldViolations, issuer: Issuer): IssuerFields {
  return {
    displayName: issuer.displayName,
    issuer: issuer.issuer,
    issuerAliases: issuer.issuerAliases,
    audiences: issuer.audiences,
    audienceClaim: issuer.audienceClaim || DEFAULT_AUDIENCE_CLAIM,
    requiredClaims: issuer.requiredClaims,
    algorithms: issuer.algorithms,
    jwks: readJwks(issuer),
    jwksUri: issuer.jwksUri === '' ? null : issuer.jwksUri,
    insecureHttp: issuer.insecureHttp,
    claims: toClaimNamesSpec(issuer.claims ?? Claims.create()),
    defaultPlanId: readDefaultPlanId(violations, issuer),
    catalogAccounts: issuer.catalogAccounts,
    disabled: issuer.disabled,
  };
}

/** The changes of an update: the fields that its mask names, or without a mask those that are set. */
export function readIssuerChanges(
  violations: FieldViolations,
  issuer: Issuer,
  updateMask: string,
): Partial<IssuerFields> {
  const updated = readUpdateMask(violations, updateMask, {
    displayName: issuer.displayName !== '',
    issuer: issuer.issuer !== '',
    issuerAliases: issuer.issuerAliases.length > 0,
    audiences: issuer.audiences.length > 0,
    audienceClaim: issuer.audienceClaim !== '',
    requiredClaims: Object.keys(issuer.requiredClaims).length > 0,
    algorithms: issuer.algorithms.length > 0,
    jwks: issuer.jwks !== undefined,
    jwksUri: issuer.jwksUri !== '',
    insecureHttp: issuer.insecureHttp,
    claims: issuer.claims !== undefined,
    defaultPlan: issuer.defaultPlan !== '',
    catalogAccounts: issuer.catalogAccounts,
    disabled: issuer.disabled,
  });
  return {
    ...(updated.has('displayName') && { displayName: issuer.displayName }),
    ...(updated.has('issuer') && { issuer: issuer.issuer }),
    ...(updated.has('issuerAliases') && { issuerAliases: issuer.issuerAliases }),
    ...(updated.has('audiences') && { audiences: issuer.audiences }),
    ...(updated.has('audienceClaim') && { audienceClaim: issuer.audienceClaim || DEFAULT_AUDIENCE_CLAIM }),
    ...(updated.has('requiredClaims') && { requiredClaims: issuer.requiredClaims }),
    ...(updated.has('algorithms') && { algorithms: issuer.algorithms }),
    ...readKeyChanges(issuer, updated),
    ...(updated.has('insecureHttp') && { insecureHttp: issuer.insecureHttp }),
    ...(updated.has('claims') && { claims: toClaimNamesSpec(issuer.claims ?? Claims.create()) }),
    ...(updated.has('defaultPlan') && { defaultPlanId: readDefaultPlanId(violations, issuer) }),
    ...(updated.has('catalogAccounts') && { catalogAccounts: issuer.catalogAccounts }),
    ...(updated.has('disabled') && { disabled: issuer.disabled }),
  };
}

/** An issuer has its keys in one place, so that setting one place clears the other, unless the update names both. */
function readKeyChanges(issuer: Issuer, updated: ReadonlySet<string>): Partial<Pick<IssuerFields, 'jwks' | 'jwksUri'>> {
  const jwks = readJwks(issuer);
  const jwksUri = issuer.jwksUri === '' ? null : issuer.jwksUri;
  if (updated.has('jwks') && updated.has('jwksUri')) return { jwks, jwksUri };
  if (updated.has('jwks')) return { jwks, ...(jwks !== null && { jwksUri: null }) };
  if (updated.has('jwksUri')) return { jwksUri, ...(jwksUri !== null && { jwks: null }) };
  return {};
}

/**
 * Adds the violations of an issuer as a whole, by the rules that also apply when the catalog reads its row. `changes`
 * are the fields that the request writes: stricter rules apply to them, so that stored rows stay valid. `hosts` may be
 * used over plain http.
 */
export function checkIssuer(
  violations: FieldViolations,
  id: string,
  fields: IssuerFields,
  changes: Partial<IssuerFields>,
  hosts: HostList,
): void {
  checkDisplayName(violations, 'issuer.display_name', fields.displayName);
  const parsed = parseIssuer(id, fields);
  if ('faults' in parsed) violations.addAll('issuer.', parsed.faults);
  violations.addAll('issuer.', findWildcards('audiences', changes.audiences ?? []));
  if (!('faults' in parsed) && changesKeys(changes)) violations.addAll('issuer.', findForbiddenHost(fields, hosts));
}

/** Whether Weir would fetch other keys, or fetch them from elsewhere. */
export function changesKeys(changes: Partial<IssuerFields>): boolean {
  return KEY_FIELDS.some((field) => field in changes);
}

/** The issuer that a row holds. Throws if the row is invalid, because it was validated when it was written. */
export function toIssuer(row: IssuerEntity): DomainIssuer {
  const parsed = parseIssuer(row.id, row);
  if ('faults' in parsed) throw new Error(`issuers/${row.id}: must be valid`);
  return parsed;
}

function readJwks({ jwks }: Issuer): JsonWebKeySet | null {
  // The Struct may contain anything. `checkIssuer` makes sure that it is a key set before it is stored.
  return jwks === undefined ? null : (jwks as unknown as JsonWebKeySet);
}

function readDefaultPlanId(violations: FieldViolations, { defaultPlan }: Issuer): string | null {
  return defaultPlan === '' ? null : readResourceName(violations, 'plans', 'issuer.default_plan', defaultPlan);
}

/** The claim names without those that are left to their default. */
function toClaimNamesSpec({ account, plan, features, role, adminRoles }: Claims): ClaimNamesSpec {
  return {
    ...(account !== '' && { account }),
    ...(plan !== '' && { plan }),
    ...(features !== '' && { features }),
    ...(role !== '' && { role }),
    ...(adminRoles.length > 0 && { adminRoles }),
  };
}
