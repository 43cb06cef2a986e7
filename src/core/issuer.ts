import type { Fault } from './written-limit.ts';

/** A key as RFC 7517 writes it; which members it has depends on `kty`. */
export type JsonWebKey = { readonly kty: string; readonly kid?: string; readonly alg?: string } & Readonly<
  Record<string, unknown>
>;

export interface JsonWebKeySet {
  readonly keys: readonly JsonWebKey[];
}

/** Signature algorithms (RFC 7518, RFC 8037) that an issuer may be allowed. */
export const SIGNATURE_ALGORITHMS = [
  ...['EdDSA', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'HS256',
] as const;

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
export interface WrittenClaims {
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

export interface WrittenIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly jwks: JsonWebKeySet | null;
  readonly jwksUri: string | null;
  readonly claims: WrittenClaims;
  readonly defaultPlanId: string | null;
  readonly catalogAccounts: boolean;
}

/** An issuer that cannot be wrong, or every fault with its place (`audiences`). Never throws. */
export function parseIssuer(id: string, written: WrittenIssuer): Issuer | { readonly faults: readonly Fault[] } {
  const { issuer, audiences, algorithms, jwks, jwksUri, claims, defaultPlanId, catalogAccounts } = written;
  const faults: Fault[] = [];
  if (issuer === '') faults.push({ field: 'issuer', description: 'must be given: the claim iss of its tokens' });
  if (audiences.length === 0) faults.push({ field: 'audiences', description: 'must name at least one' });
  if (algorithms.length === 0) faults.push({ field: 'algorithms', description: 'must name at least one' });
  for (const [index, algorithm] of algorithms.entries()) {
    if (SIGNATURE_ALGORITHMS.some((known) => known === algorithm)) continue;
    const description = `must be one of ${SIGNATURE_ALGORITHMS.join(', ')}`;
    faults.push({ field: `algorithms[${index}]`, description });
  }
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

function keySourceOf(jwks: JsonWebKeySet | null, uri: string | null): KeySource {
  if (jwks !== null) return { kind: 'static', jwks };
  return uri !== null && uri !== '' ? { kind: 'jwks_uri', uri } : { kind: 'discovery' };
}
