import type { Fault } from '../limits/limit-spec.ts';
import { keyLocationFault } from './key-location.ts';
import { keySetFaults } from './key-set.ts';
import { OWN_ISSUER } from './token.ts';

/** A key as RFC 7517 writes it; which members it has depends on `kty`. */
export type JsonWebKey = { readonly kty: string; readonly kid?: string; readonly alg?: string } & Readonly<
  Record<string, unknown>
>;

export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[];
}

/** Signature algorithms (RFC 7518, RFC 8037) that an issuer may be allowed: with a secret, Weir could sign as well. */
export const ISSUER_ALGORITHMS = [
  ...['EdDSA', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
] as const;

/** All that a token may be signed with, if its signer is allowed it. */
export const SIGNATURE_ALGORITHMS = [...ISSUER_ALGORITHMS, 'HS256'] as const;

/** Which claims tell what; a name with dots goes into objects (`realm_access.roles`). */
export interface ClaimNames {
  readonly account: string;
  /** undefined: its tokens do not tell. */
  readonly plan: string | undefined;
  readonly features: string | undefined;
  readonly role: string | undefined;
  /** Values of the role claim that make an administrator. */
  readonly adminRoles: readonly string[];
}

/** The same as it is written in the admin API and in the database. */
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
  /** Its configuration is at `{issuer}/.well-known/openid-configuration` (OpenID Connect Discovery 1.0). */
  | { readonly kind: 'discovery' };

/** Who may sign tokens, by which keys, and what their claims mean here. */
export interface Issuer {
  /** Without the `issuers/` of its resource name. */
  readonly id: string;
  /** The claim `iss`, compared as it is. */
  readonly issuer: string;
  /** One of them must be in the claim `aud`; at least one. */
  readonly audiences: readonly string[];
  /** At least one. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  readonly claims: ClaimNames;
  readonly defaultPlanId: string | undefined;
  /** Its accounts are those of the catalog; false: they are its own, named `{id}:{claim}`. */
  readonly catalogAccounts: boolean;
}

export interface IssuerSpec {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly jwks: JsonWebKeySet | null;
  readonly jwksUri: string | null;
  readonly claims: ClaimNamesSpec;
  readonly defaultPlanId: string | null;
  readonly catalogAccounts: boolean;
}

/** An issuer that cannot be wrong, or every fault with its place (`audiences[0]`). Never throws. */
export function parseIssuer(id: string, written: IssuerSpec): Issuer | { readonly faults: readonly Fault[] } {
  const { issuer, audiences, algorithms, jwks, jwksUri, claims, defaultPlanId, catalogAccounts } = written;
  const faults = [
    ...issuerFaults(issuer),
    ...listFaults('audiences', audiences),
    ...algorithmFaults(algorithms),
    ...keySourceFaults(written),
    ...claimFaults(claims),
  ];
  if (faults.length > 0) return { faults };
  return {
    id,
    issuer,
    audiences,
    algorithms,
    keys: keySourceOf(jwks, jwksUri),
    claims: {
      account: claims.account || 'sub',
      plan: claims.plan || undefined,
      features: claims.features || undefined,
      role: claims.role || undefined,
      adminRoles: claims.adminRoles ?? [],
    },
    defaultPlanId: defaultPlanId ?? undefined,
    catalogAccounts,
  };
}

const MOST_VALUES = 64;
const LONGEST_VALUE = 255;
const NOT_A_VALUE = `must be 1 to ${LONGEST_VALUE} characters, without control characters`;

function isValue(text: string): boolean {
  return text !== '' && text.length <= LONGEST_VALUE && !/\p{Cc}/u.test(text);
}

function issuerFaults(issuer: string): readonly Fault[] {
  const field = 'issuer';
  if (issuer === OWN_ISSUER) return [{ field, description: `must not be "${OWN_ISSUER}", which is Weir itself` }];
  return isValue(issuer) ? [] : [{ field, description: `${NOT_A_VALUE}: the claim iss of its tokens` }];
}

function listFaults(field: string, values: readonly string[]): readonly Fault[] {
  if (values.length === 0) return [{ field, description: 'must name at least one' }];
  if (values.length > MOST_VALUES) return [{ field, description: `must name at most ${MOST_VALUES}` }];
  return values.flatMap((value, index) => {
    return isValue(value) ? [] : [{ field: `${field}[${index}]`, description: NOT_A_VALUE }];
  });
}

function algorithmFaults(algorithms: readonly string[]): readonly Fault[] {
  if (algorithms.length === 0) return [{ field: 'algorithms', description: 'must name at least one' }];
  return algorithms.flatMap((algorithm, index) => {
    if (ISSUER_ALGORITHMS.some((known) => known === algorithm)) return [];
    return [{ field: `algorithms[${index}]`, description: `must be one of ${ISSUER_ALGORITHMS.join(', ')}` }];
  });
}

function keySourceFaults({ issuer, jwks, jwksUri }: IssuerSpec): readonly Fault[] {
  const hasUri = jwksUri !== null && jwksUri !== '';
  if (jwks !== null) {
    const both = { field: 'jwks_uri', description: 'must be left out where jwks is given' };
    return [...keySetFaults(jwks), ...(hasUri ? [both] : [])];
  }
  const fault = keyLocationFault(hasUri ? jwksUri : issuer);
  if (fault === undefined) return [];
  if (hasUri) return [{ field: 'jwks_uri', description: fault }];
  return [{ field: 'jwks_uri', description: `or jwks must be given: for OIDC discovery the issuer ${fault}` }];
}

function claimFaults(claims: ClaimNamesSpec): readonly Fault[] {
  const names = ['account', 'plan', 'features', 'role'] as const;
  const faults: Fault[] = names
    .filter((name) => claims[name] !== undefined && claims[name] !== '' && !isValue(claims[name]))
    .map((name) => ({ field: `claims.${name}`, description: NOT_A_VALUE }));
  const adminRoles = claims.adminRoles ?? [];
  if (adminRoles.length > 0) faults.push(...listFaults('claims.admin_roles', adminRoles));
  if (adminRoles.length > 0 && !claims.role) {
    faults.push({ field: 'claims.role', description: 'must be given where admin_roles are' });
  }
  return faults;
}

function keySourceOf(jwks: JsonWebKeySet | null, uri: string | null): KeySource {
  if (jwks !== null) return { kind: 'static', jwks };
  return uri !== null && uri !== '' ? { kind: 'jwks_uri', uri } : { kind: 'discovery' };
}
