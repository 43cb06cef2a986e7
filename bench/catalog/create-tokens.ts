import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { CreateIssuerRequest, Issuer } from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { Administrator } from './admin-client.ts';

const ISSUER = 'https://bench.example.com';
const LIFE_SECONDS = 24 * 3600;
/** Characters, as of what identity providers issue. */
const LENGTH = 750;

/** Trusts an issuer on a plan that grants nearly everything; returns JWTs of it, each of another account. */
export function createTokens(adminPort: number, count: number): Promise<string[]> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const issuer = Issuer.fromPartial({
    displayName: 'Bench',
    issuer: ISSUER,
    audiences: ['bench'],
    algorithms: ['EdDSA'],
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'bench' }] },
    defaultPlan: 'plans/bench',
  });
  return Administrator.work(adminPort, async (administrator) => {
    const request = { issuerId: 'bench', issuer };
    await administrator.call('IssuerService/CreateIssuer', CreateIssuerRequest, Issuer, request);
    return tokensBy(privateKey, count);
  });
}

/** JWTs of that issuer whose signatures are somebody else's. */
export function forgedTokens(count: number): string[] {
  return tokensBy(generateKeyPairSync('ed25519').privateKey, count);
}

function tokensBy(privateKey: KeyObject, count: number): string[] {
  const exp = Math.floor(Date.now() / 1000) + LIFE_SECONDS;
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encoded({ alg: 'EdDSA', kid: 'bench', typ: 'JWT' });
  return Array.from({ length: count }, (_, index) => {
    const claims = { iss: ISSUER, aud: 'bench', sub: `user-${index}`, exp, jti: randomBytes(12).toString('hex') };
    const unpadded = header.length + encoded(claims).length + Math.ceil((64 * 4) / 3) + 2;
    const padding = 'x'.repeat(Math.max(0, Math.floor(((LENGTH - unpadded) * 3) / 4) - ',"name":""'.length));
    const input = `${header}.${encoded({ ...claims, name: padding })}`;
    return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
  });
}
