import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { CreateIssuerRequest, Issuer, IssuerServiceService } from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { AdminClient, BENCH_PLAN_ID } from './admin-client.ts';

const ISSUER = 'https://bench.example.com';
const AUDIENCE = 'bench';
const KEY_ID = 'bench';
const LIFETIME_SECONDS = 24 * 3600;
/** Length of a token in characters, typical for identity providers. */
const TOKEN_LENGTH = 750;
const SIGNATURE_BYTES = 64;

/** Makes Weir trust an issuer on the plan of the bench. Returns JWTs of that issuer, each for another account. */
export function createTokens(adminPort: number, count: number): Promise<string[]> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const issuer = Issuer.fromPartial({
    displayName: 'Bench',
    issuer: ISSUER,
    audiences: [AUDIENCE],
    algorithms: ['EdDSA'],
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID }] },
    defaultPlan: `plans/${BENCH_PLAN_ID}`,
  });
  return AdminClient.withBenchPlan(adminPort, async (admin) => {
    const request = CreateIssuerRequest.fromPartial({ issuerId: 'bench', issuer });
    await admin.call(IssuerServiceService.createIssuer, request);
    return signTokens(privateKey, count);
  });
}

/** Creates JWTs that claim to be of the same issuer, with signatures by another key. */
export function forgeTokens(count: number): string[] {
  return signTokens(generateKeyPairSync('ed25519').privateKey, count);
}

function signTokens(privateKey: KeyObject, count: number): string[] {
  const exp = Math.floor(Date.now() / 1000) + LIFETIME_SECONDS;
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ alg: 'EdDSA', kid: KEY_ID, typ: 'JWT' });
  return Array.from({ length: count }, (_, index) => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: `user-${index}`, exp, jti: randomBytes(12).toString('hex') };
    // base64url turns three bytes into four characters.
    const unpaddedLength = header.length + encode(claims).length + Math.ceil((SIGNATURE_BYTES * 4) / 3) + 2;
    const paddingLength = Math.floor(((TOKEN_LENGTH - unpaddedLength) * 3) / 4) - ',"name":""'.length;
    const name = 'x'.repeat(Math.max(0, paddingLength));
    const signingInput = `${header}.${encode({ ...claims, name })}`;
    return `${signingInput}.${sign(null, Buffer.from(signingInput), privateKey).toString('base64url')}`;
  });
}
