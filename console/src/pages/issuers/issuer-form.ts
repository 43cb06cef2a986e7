import { readLines, writeLines } from '../../format/lines.ts';
import type { IssuerJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { readClaimPairs, writeClaimPairs } from './claim-pairs.ts';
import { readJwks } from './read-jwks.ts';

/** Where the public keys are. */
export type KeySource = 'discovery' | 'uri' | 'stored';

/** An issuer as it is typed. The names are those of the issuer's fields, apart from `keys`. */
export interface IssuerForm {
  readonly displayName: string;
  readonly issuer: string;
  readonly keys: { readonly source: KeySource; readonly jwksUri: string; readonly jwks: string };
  readonly insecureHttp: boolean;
  readonly defaultPlan: string;
  readonly catalogAccounts: boolean;
  readonly audienceClaim: string;
  readonly claims: {
    readonly account: string;
    readonly plan: string;
    readonly features: string;
    readonly role: string;
    /** One per line. */
    readonly adminRoles: string;
  };
  /** These are lists with one value per line. */
  readonly audiences: string;
  readonly algorithms: string;
  readonly issuerAliases: string;
  /** A claim and its value per line: `token_use = access`. */
  readonly requiredClaims: string;
}

export const NEW_ISSUER_FORM: IssuerForm = toIssuerForm({ algorithms: ['RS256', 'ES256'] });

/** Reads an issuer into a form. */
export function toIssuerForm(issuer: IssuerJson): IssuerForm {
  const { jwks, jwksUri = '', claims = {} } = issuer;
  const { account = '', plan = '', features = '', role = '', adminRoles } = claims;
  return {
    displayName: issuer.displayName ?? '',
    issuer: issuer.issuer ?? '',
    keys: { source: readKeySource(issuer), jwksUri, jwks: jwks === undefined ? '' : JSON.stringify(jwks, null, 2) },
    insecureHttp: issuer.insecureHttp ?? false,
    defaultPlan: issuer.defaultPlan ?? '',
    catalogAccounts: issuer.catalogAccounts ?? false,
    audienceClaim: issuer.audienceClaim ?? '',
    claims: { account, plan, features, role, adminRoles: writeLines(adminRoles) },
    audiences: writeLines(issuer.audiences),
    algorithms: writeLines(issuer.algorithms),
    issuerAliases: writeLines(issuer.issuerAliases),
    requiredClaims: writeClaimPairs(issuer.requiredClaims),
  };
}

/** Reads an issuer from a form. Throws ApiError if the keys are no JSON object. */
export function toIssuer({ keys, claims, ...form }: IssuerForm): IssuerJson {
  return {
    ...form,
    ...(keys.source === 'uri' && { jwksUri: keys.jwksUri }),
    ...(keys.source === 'stored' && { jwks: readJwks(keys.jwks) }),
    claims: { ...claims, adminRoles: readLines(claims.adminRoles) },
    audiences: readLines(form.audiences),
    algorithms: readLines(form.algorithms),
    issuerAliases: readLines(form.issuerAliases),
    requiredClaims: readClaimPairs(form.requiredClaims),
  };
}

/** Writes the mask of an update from the fields of the form that differ. */
export function writeIssuerMask(changed: readonly string[]): string {
  return changed.map((field) => (field === 'keys' ? 'jwks,jwksUri' : field)).join(',');
}

export function readKeySource({ jwks, jwksUri = '' }: IssuerJson): KeySource {
  if (jwks !== undefined) return 'stored';
  return jwksUri === '' ? 'discovery' : 'uri';
}
