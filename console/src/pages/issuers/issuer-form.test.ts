import { describe, expect, it } from 'vitest';
import { readClaimPairs, writeClaimPairs } from './claim-pairs.ts';
import { toIssuer, toIssuerForm, writeIssuerMask } from './issuer-form.ts';

const ISSUER = {
  displayName: 'Example',
  issuer: 'https://login.example.com',
  audiences: ['https://api.example.com'],
  algorithms: ['RS256'],
  jwksUri: 'https://login.example.com/keys',
  claims: { account: 'sub', plan: 'plan', features: 'scope', role: '/realm/roles', adminRoles: ['weir-admin'] },
  defaultPlan: 'plans/free',
  catalogAccounts: true,
  audienceClaim: 'client_id',
  requiredClaims: { token_use: 'access' },
  issuerAliases: ['https://login.example.com/'],
  insecureHttp: true,
};

describe('toIssuer', () => {
  it('keeps every field of an issuer that passes through a form', () => {
    expect(toIssuer(toIssuerForm(ISSUER))).toEqual(ISSUER);
  });

  it('sends the keys of the chosen place only', () => {
    const jwks = { keys: [] };
    const form = toIssuerForm({ ...ISSUER, jwks });
    expect(toIssuer(form).jwks).toEqual(jwks);
    expect(toIssuer(form)).not.toHaveProperty('jwksUri');
    expect(toIssuer({ ...form, keys: { ...form.keys, source: 'discovery' } })).not.toHaveProperty('jwks');
  });

  it('names the field of keys that are no JSON', () => {
    const form = toIssuerForm(ISSUER);
    const typed = (jwks: string) => ({ ...form, keys: { source: 'stored', jwks, jwksUri: '' } }) as const;
    expect(() => toIssuer(typed('{'))).toThrow(/^issuer\.jwks: must be JSON: /);
    expect(() => toIssuer(typed('[]'))).toThrow('issuer.jwks: must be a JSON object');
  });
});

it('names both places of keys in the mask, so that the other place is cleared', () => {
  expect(writeIssuerMask(['issuer', 'keys'])).toBe('issuer,jwks,jwksUri');
});

it('reads claims with `=` in their values', () => {
  expect(readClaimPairs('a = b=c\n token_use=access ')).toEqual({ a: 'b=c', token_use: 'access' });
  expect(readClaimPairs(writeClaimPairs(ISSUER.requiredClaims))).toEqual(ISSUER.requiredClaims);
});
