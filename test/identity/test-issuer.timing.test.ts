import { afterEach, beforeEach, expect, it } from 'vitest';
import { type IssuerSpec, parseIssuer } from '../../src/domain/issuers/issuer.ts';
import { findKeyProblem } from '../../src/identity/verify-tokens/test-issuer.ts';
import { IdentityProvider } from '../support/identity-provider.ts';

const OPTIONS = { insecureHosts: new Set<string>(), maxTokenBytes: 16_384 };

let provider: IdentityProvider;
beforeEach(async () => {
  provider = await IdentityProvider.start();
});
afterEach(() => provider.stop());

it('the check of the keys of an issuer ends with its signal, long before a fetch gives up', async () => {
  provider.fault = 'silent';
  const spec: IssuerSpec = {
    issuer: provider.issuer,
    issuerAliases: [],
    audiences: ['api'],
    audienceClaim: 'aud',
    requiredClaims: {},
    algorithms: ['ES256'],
    jwks: null,
    jwksUri: null,
    insecureHttp: false,
    claims: {},
    defaultPlanId: null,
    catalogAccounts: false,
  };
  const issuer = parseIssuer('corp', spec);
  if ('faults' in issuer) throw new Error('issuer: must be valid');
  const begin = performance.now();
  expect(await findKeyProblem(issuer, { ...OPTIONS, signal: AbortSignal.timeout(200) })).toContain('timeout');
  // A fetch gives up after 5 s.
  expect(performance.now() - begin).toBeLessThan(4_000);
});
