import type { IssuerEntity } from '../../database/entities/issuer-entities.ts';
import { Issuer } from '../../generated/weir/admin/v1/issuer_service.ts';
import { formatEtag } from '../fields/etag.ts';

/** Stands for the issuer of a request that has none: no field is set. */
export const EMPTY_ISSUER: Issuer = Issuer.create();

/** `warnings` are those of the call that wrote the issuer. */
export function toIssuerMessage(row: IssuerEntity, warnings: readonly string[] = []): Issuer {
  const { claims } = row;
  return Issuer.create({
    name: `issuers/${row.id}`,
    displayName: row.displayName,
    issuer: row.issuer,
    issuerAliases: [...row.issuerAliases],
    audiences: [...row.audiences],
    audienceClaim: row.audienceClaim,
    requiredClaims: { ...row.requiredClaims },
    algorithms: [...row.algorithms],
    ...(row.jwks !== null && { jwks: { ...row.jwks } }),
    jwksUri: row.jwksUri ?? '',
    insecureHttp: row.insecureHttp,
    claims: { ...claims, adminRoles: [...(claims.adminRoles ?? [])] },
    defaultPlan: row.defaultPlanId === null ? '' : `plans/${row.defaultPlanId}`,
    catalogAccounts: row.catalogAccounts,
    disabled: row.disabled,
    createTime: row.createTime,
    updateTime: row.updateTime,
    etag: formatEtag(row),
    warnings: [...warnings],
  });
}
