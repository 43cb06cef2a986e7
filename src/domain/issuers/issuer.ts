import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';
import {
  type AudienceClaim,
  isAudienceClaim,
  type RequiredClaim,
  validateAudienceClaim,
  validateRequiredClaims,
} from './issuer-audience.ts';
import { type JsonWebKeySet, validateKeySet } from './issuer-keys.ts';
import {
  findWildcards,
  INVALID_TEXT,
  isValidText,
  validateClaimPath,
  validateList,
  validateOptionalList,
} from './issuer-text.ts';
import { type HostList, hasHost, isLoopback, validateKeyUrl } from './key-url.ts';

/** Stands for Weir among the names of issuers. Also the claim `iss` of its tokens, unless TOKEN_ISSUER is set. */
export const OWN_ISSUER = 'weir';

/** Claim `aud` of the tokens that Weir issues. */
export const OWN_AUDIENCE = 'weir';

/**
 * Signature algorithms (RFC 7518, RFC 8037) that an external issuer may use. All are asymmetric: a shared secret would
 * let Weir sign tokens of the issuer.
 */
export const ISSUER_ALGORITHMS = [
  ...['EdDSA', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
] as const;

/** All algorithms that any token may be signed with. Each signer is restricted to its own list. */
export const SIGNATURE_ALGORITHMS = [...ISSUER_ALGORITHMS, 'HS256'] as const;

/** The claims that Weir reads, each as a name or a path (claim-path.ts). */
export interface ClaimNames {
  readonly account: string;
  /** undefined, here and below: the issuer's tokens do not carry this claim. */
  readonly plan: string | undefined;
  readonly features: string | undefined;
  readonly role: string | undefined;
  /** Values of the role claim that make the holder an administrator. */
  readonly adminRoles: readonly string[];
}

/** ClaimNames as stored in the database and sent to the admin API. */
export interface ClaimNamesSpec {
  readonly account?: string;
  readonly plan?: string;
  readonly features?: string;
  readonly role?: string;
  readonly adminRoles?: readonly string[];
}

export type KeySource =
  | { readonly kind: 'static'; readonly jwks: JsonWebKeySet }
  | { readonly kind: 'jwks_uri'; readonly uri: string }
  /** From the configuration at `{issuer}/.well-known/openid-configuration` (OpenID Connect Discovery 1.0). */
  | { readonly kind: 'discovery' };

/** An external party that signs tokens: its keys, and what its claims mean to Weir. */
export interface Issuer {
  /** The resource name without `issuers/`. */
  readonly id: string;
  /** The claim `iss`, compared literally. */
  readonly issuer: string;
  /** Other values of `iss` that mean this issuer. */
  readonly aliases: readonly string[];
  /** At least one; the claim `audienceClaim` must contain one of them. */
  readonly audiences: readonly string[];
  readonly audienceClaim: AudienceClaim;
  /** At least one, unless `audienceClaim` is `aud`. */
  readonly requiredClaims: readonly RequiredClaim[];
  /** At least one. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /** Its keys may be fetched over plain http, from hosts that the configuration of the node allows. */
  readonly insecureHttp: boolean;
  readonly claims: ClaimNames;
  readonly defaultPlanId: string | undefined;
  /** Accounts are those of the catalog; false: the issuer has its own accounts, named `{id}:{claim}`. */
  readonly catalogAccounts: boolean;
}

/** Issuer as stored in the database and sent to the admin API, before validation. */
export interface IssuerSpec {
  readonly issuer: string;
  readonly issuerAliases: readonly string[];
  readonly audiences: readonly string[];
  readonly audienceClaim: string;
  /** By claim path. */
  readonly requiredClaims: Readonly<Record<string, string>>;
  readonly algorithms: readonly string[];
  readonly jwks: JsonWebKeySet | null;
  readonly jwksUri: string | null;
  readonly insecureHttp: boolean;
  readonly claims: ClaimNamesSpec;
  readonly defaultPlanId: string | null;
  readonly catalogAccounts: boolean;
}

/** Validates an issuer. Returns the issuer, or every fault with its path (`audiences[0]`). Never throws. */
export function parseIssuer(id: string, spec: IssuerSpec): Issuer | Invalid {
  const { issuer, issuerAliases, audiences, audienceClaim, requiredClaims, claims } = spec;
  const faults = [
    ...validateIssuerClaim(issuer),
    ...validateAliases(spec),
    ...validateList('audiences', audiences),
    ...validateAudienceClaim(audienceClaim, requiredClaims),
    ...validateRequiredClaims(requiredClaims),
    ...validateAlgorithms(spec.algorithms),
    ...validateKeySource(spec),
    ...validateClaimNames(claims),
  ];
  if (faults.length > 0 || !isAudienceClaim(audienceClaim)) return { faults };
  return {
    id,
    issuer,
    aliases: issuerAliases,
    audiences,
    audienceClaim,
    requiredClaims: Object.entries(requiredClaims).map(([path, value]) => ({ path, value })),
    algorithms: spec.algorithms,
    keys: chooseKeySource(spec.jwks, spec.jwksUri),
    insecureHttp: spec.insecureHttp,
    claims: {
      account: claims.account || 'sub',
      plan: claims.plan || undefined,
      features: claims.features || undefined,
      role: claims.role || undefined,
      adminRoles: claims.adminRoles ?? [],
    },
    defaultPlanId: spec.defaultPlanId ?? undefined,
    catalogAccounts: spec.catalogAccounts,
  };
}

function validateIssuerClaim(issuer: string): readonly FieldFault[] {
  const field = 'issuer';
  if (issuer === OWN_ISSUER) return [{ field, description: `must not be "${OWN_ISSUER}", which is Weir itself` }];
  return isValidText(issuer)
    ? []
    : [{ field, description: withFound(`${INVALID_TEXT}: the claim iss of its tokens`, issuer) }];
}

/** Each alias is one more `iss` claim, so it must not be a duplicate. */
function validateAliases({ issuer, issuerAliases }: IssuerSpec): readonly FieldFault[] {
  const field = 'issuer_aliases';
  const faults = [...validateOptionalList(field, issuerAliases), ...findWildcards(field, issuerAliases)];
  for (const [index, alias] of issuerAliases.entries()) {
    const isDuplicate = alias === issuer || issuerAliases.indexOf(alias) < index;
    if (!isDuplicate && alias !== OWN_ISSUER) continue;
    const expected = isDuplicate
      ? 'must differ from issuer and from the other aliases'
      : 'must not be the name of Weir itself';
    faults.push({ field: `${field}[${index}]`, description: withFound(expected, alias) });
  }
  return faults;
}

function validateAlgorithms(algorithms: readonly string[]): readonly FieldFault[] {
  if (algorithms.length === 0) return [{ field: 'algorithms', description: 'must have at least one item' }];
  return algorithms.flatMap((algorithm, index) => {
    if (ISSUER_ALGORITHMS.some((supported) => supported === algorithm)) return [];
    const description = withFound(`must be one of ${ISSUER_ALGORITHMS.join(', ')}`, algorithm);
    return [{ field: `algorithms[${index}]`, description }];
  });
}

/**
 * Validates where the keys of an issuer are. Any host is allowed over plain http if the issuer says so, because nodes may
 * have different lists of hosts (`findForbiddenHost`).
 */
function validateKeySource({ issuer, jwks, jwksUri, insecureHttp }: IssuerSpec): readonly FieldFault[] {
  const hasUri = jwksUri !== null && jwksUri !== '';
  if (jwks !== null) {
    const both = { field: 'jwks_uri', description: 'must be left out if jwks is set' };
    return [...validateKeySet(jwks), ...(hasUri ? [both] : [])];
  }
  const fault = validateKeyUrl(hasUri ? jwksUri : issuer, (url) => insecureHttp || isLoopback(url));
  if (fault === undefined) return [];
  if (hasUri) return [{ field: 'jwks_uri', description: fault }];
  const description = `must be set, unless jwks is set or the issuer supports OIDC discovery: then the issuer ${fault}`;
  return [{ field: 'jwks_uri', description }];
}

/** Finds out whether a node would fetch keys of a valid issuer over plain http from a host that is not in its list. */
export function findForbiddenHost({ issuer, jwks, jwksUri }: IssuerSpec, hosts: HostList): readonly FieldFault[] {
  if (jwks !== null) return [];
  const field = jwksUri ? 'jwks_uri' : 'issuer';
  const text = jwksUri || issuer;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || isLoopback(url) || hasHost(hosts, url)) return [];
  const description = `must be an https URL, or name a host in INSECURE_HTTP_ISSUER_HOSTS (got "http://${url.host}")`;
  return [{ field, description }];
}

function validateClaimNames(claims: ClaimNamesSpec): readonly FieldFault[] {
  const names = ['account', 'plan', 'features', 'role'] as const;
  const faults = names.flatMap((name) => {
    const path = claims[name] ?? '';
    return path === '' ? [] : validateClaimPath(`claims.${name}`, path);
  });
  const adminRoles = claims.adminRoles ?? [];
  if (adminRoles.length > 0) faults.push(...validateList('claims.admin_roles', adminRoles));
  if (adminRoles.length > 0 && !claims.role) {
    faults.push({ field: 'claims.role', description: 'must be set if admin_roles is set' });
  }
  return faults;
}

function chooseKeySource(jwks: JsonWebKeySet | null, uri: string | null): KeySource {
  if (jwks !== null) return { kind: 'static', jwks };
  return uri !== null && uri !== '' ? { kind: 'jwks_uri', uri } : { kind: 'discovery' };
}

/**
 * The account that requests with an issuer's token count for. `account` is the claim that the issuer maps to the account.
 * Accounts that are not those of the catalog are named after the issuer, so that two issuers never share one.
 */
export function issuerAccountId(
  { id, catalogAccounts }: Pick<Issuer, 'id' | 'catalogAccounts'>,
  account: string,
): string {
  return catalogAccounts ? account : `${id}:${account}`;
}
