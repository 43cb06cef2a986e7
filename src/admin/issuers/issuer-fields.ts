import type { IssuerEntity } from '../../database/entities.ts';
import { type ClaimNamesSpec, type JsonWebKeySet, parseIssuer } from '../../domain/tokens/issuer.ts';
import { Claims, Issuer } from '../../generated/weir/admin/v1/issuer_service.ts';
import { formatEtag } from '../shared/etag.ts';
import type { FieldViolations } from '../shared/field-violations.ts';

/** What an update may change of an issuer. */
export type IssuerFields = Pick<
  IssuerEntity,
  | 'displayName'
  | 'issuer'
  | 'audiences'
  | 'algorithms'
  | 'jwks'
  | 'jwksUri'
  | 'claims'
  | 'defaultPlanId'
  | 'catalogAccounts'
  | 'disabled'
>;

/** All fields as they are given; whether they are right is told by `judge`. */
export function readIssuerFields(faults: FieldViolations, given: Issuer): IssuerFields {
  const { displayName, issuer, audiences, algorithms, jwksUri, defaultPlan, catalogAccounts, disabled } = given;
  const jwks: unknown = given.jwks;
  return {
    displayName,
    issuer,
    audiences,
    algorithms,
    // Of that type once `judge` has looked at it.
    jwks: jwks === undefined ? null : (jwks as JsonWebKeySet),
    jwksUri: jwksUri === '' ? null : jwksUri,
    claims: writtenClaims(given.claims ?? Claims.create()),
    defaultPlanId: defaultPlan === '' ? null : faults.idOf('plans', 'issuer.default_plan', defaultPlan),
    catalogAccounts,
    disabled,
  };
}

/** What an update changes of an issuer, by its mask. */
export function readIssuerChanges(faults: FieldViolations, given: Issuer, updateMask: string): Partial<IssuerFields> {
  const named = faults.mask(updateMask, {
    displayName: given.displayName !== '',
    issuer: given.issuer !== '',
    audiences: given.audiences.length > 0,
    algorithms: given.algorithms.length > 0,
    jwks: given.jwks !== undefined,
    jwksUri: given.jwksUri !== '',
    claims: given.claims !== undefined,
    defaultPlan: given.defaultPlan !== '',
    catalogAccounts: given.catalogAccounts,
    disabled: given.disabled,
  });
  const considered = named.has('defaultPlan') ? given : { ...given, defaultPlan: '' };
  const { defaultPlanId, ...fields } = readIssuerFields(faults, considered);
  const changes = Object.entries(fields).filter(([name]) => named.has(name as keyof typeof fields)); // its own keys
  return { ...Object.fromEntries(changes), ...(named.has('defaultPlan') && { defaultPlanId }) };
}

/** Adds what is wrong with an issuer as a whole, by the same rules that its row is read by. */
export function validateIssuer(faults: FieldViolations, id: string, fields: IssuerFields): void {
  faults.displayName('issuer.display_name', fields.displayName);
  const parsed = parseIssuer(id, fields);
  if (!('faults' in parsed)) return;
  for (const { field, description } of parsed.faults) faults.add(`issuer.${field}`, description);
}

/** Without what is left to its default, as limits are. */
function writtenClaims({ account, plan, features, role, adminRoles }: Claims): ClaimNamesSpec {
  return {
    ...(account !== '' && { account }),
    ...(plan !== '' && { plan }),
    ...(features !== '' && { features }),
    ...(role !== '' && { role }),
    ...(adminRoles.length > 0 && { adminRoles }),
  };
}

export function toIssuerMessage(row: IssuerEntity): Issuer {
  const { claims } = row;
  return Issuer.create({
    name: `issuers/${row.id}`,
    displayName: row.displayName,
    issuer: row.issuer,
    audiences: [...row.audiences],
    algorithms: [...row.algorithms],
    ...(row.jwks !== null && { jwks: { ...row.jwks } }),
    jwksUri: row.jwksUri ?? '',
    claims: { ...claims, adminRoles: [...(claims.adminRoles ?? [])] },
    defaultPlan: row.defaultPlanId === null ? '' : `plans/${row.defaultPlanId}`,
    catalogAccounts: row.catalogAccounts,
    disabled: row.disabled,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
  });
}
