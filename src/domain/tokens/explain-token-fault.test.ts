import { describe, expect, it } from 'vitest';
import { parseIssuer } from '../issuers/issuer.ts';
import type { TokenFault } from './compact-token.ts';
import { explainTokenFault } from './explain-token-fault.ts';

const spec = {
  issuer: 'https://a',
  issuerAliases: [],
  audiences: ['api'],
  audienceClaim: 'aud',
  requiredClaims: { '/token.use/0': 'access' },
  algorithms: ['ES256'],
  jwks: null,
  jwksUri: null,
  insecureHttp: false,
  claims: { account: 'user.id', plan: 'tier', features: 'scope', role: 'roles' },
  defaultPlanId: null,
  catalogAccounts: false,
};
const claims = { iss: 'https://a', aud: 'api', exp: 1_000 };

function explain(fault: TokenFault, change: object = {}, header: object = {}, specChange: object = {}): string {
  const issuer = parseIssuer('corp', { ...spec, ...specChange });
  if ('faults' in issuer) throw new Error('issuer: must be valid');
  return explainTokenFault(fault, { header: { ...header }, claims: { ...claims, ...change } }, issuer, ['k1', 'k2']);
}

describe('the explanation of a fault', () => {
  it.each<readonly [TokenFault, object, object, string]>([
    ['issuer', { iss: 'https://a/' }, {}, 'iss: expected https://a, found https://a/'],
    ['issuer', { iss: undefined }, {}, 'iss: expected https://a, found nothing'],
    ['algorithm', {}, { alg: 'HS256' }, 'alg: expected ES256, found HS256'],
    ['key', {}, { kid: 'k3' }, 'kid: expected one of [k1, k2], found k3'],
    ['audience', { aud: ['x', 'y'] }, {}, 'aud: expected api, found [x, y]'],
    ['required_claim', { 'token.use': ['id'] }, {}, '/token.use/0: expected access, found id'],
    ['expired', {}, {}, 'exp: the token expired at 1970-01-01T00:16:40.000Z'],
    [
      'account',
      { user: { id: {} } },
      {},
      'user.id (account): expected a text of 1 to 256 printable ASCII characters, found an object',
    ],
    ['plan', { tier: 7 }, {}, 'tier (plan): expected a text of 1 to 256 printable ASCII characters, found a number'],
    [
      'features',
      { scope: 7 },
      {},
      'scope (features): expected a list of texts, or a text with spaces between the items, found a number',
    ],
    ['signature', {}, {}, 'signature: is not by the key of the issuer with this kid and alg'],
  ])('%s says what was expected and found: %j %j', (fault, change, header, text) => {
    expect(explain(fault, change, header)).toBe(text);
  });

  it('names the other issuer before anything else, whatever the fault is', () => {
    expect(explain('key', { iss: 'weir' })).toBe('iss: expected https://a, found weir');
    expect(explain('algorithm', { iss: 'b' }, {}, { issuerAliases: ['https://a/'] })).toBe(
      'iss: expected one of [https://a, https://a/], found b',
    );
  });

  it('names the claim of the audience that differs', () => {
    const clientId = { audienceClaim: 'client_id' };
    const explainAudience = (change: object) => explain('audience', change, {}, clientId);
    expect(explainAudience({ aud: undefined, client_id: 'x' })).toBe('client_id: expected api, found x');
    expect(explainAudience({ aud: undefined })).toBe('client_id: expected api, found nothing');
    expect(explainAudience({ aud: ['api'], client_id: 'x' })).toBe('client_id: expected api, found x');
    expect(explainAudience({ aud: 'account', client_id: 'api' })).toBe('aud: expected api, found account');
  });

  it('is printable and bounded, whatever the token holds', () => {
    const text = explain('issuer', { iss: `\n${'x'.repeat(100_000)}` });
    expect(text).toMatch(/^[\x20-\x7e]{1,300}$/);
  });
});
