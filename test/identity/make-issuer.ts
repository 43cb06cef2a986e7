import { type Issuer, type IssuerSpec, parseIssuer } from '../../src/domain/issuers/issuer.ts';
import type { IdentityProvider } from '../support/servers/identity-provider.ts';

/** An issuer whose tokens and keys come from the provider. */
export function makeIssuer(provider: IdentityProvider, change: Partial<IssuerSpec> = {}): Issuer {
  const issuer = parseIssuer('corp', {
    issuer: provider.issuer,
    issuerAliases: [],
    audiences: ['api'],
    audienceClaim: 'aud',
    requiredClaims: {},
    algorithms: ['ES256'],
    jwks: null,
    jwksUri: null,
    insecureHttp: false,
    claims: { plan: 'plan', features: 'scope' },
    defaultPlanId: null,
    catalogAccounts: false,
    ...change,
  });
  if ('faults' in issuer) throw new Error('issuer: must be valid');
  return issuer;
}
