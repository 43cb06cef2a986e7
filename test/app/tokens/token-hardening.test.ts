import { constants, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { describe, expect } from 'vitest';
import {
  GetTokenInfoResponse_State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import type { IssuerTable } from '../../support/servers/identity-provider.ts';
import { waitUntil } from '../../support/wait-until.ts';

const ISSUER = 'https://corp.example.com';
const OTHER_ISSUER = 'https://other.example.com';
const secret = randomBytes(32);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const shortRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const otherEd = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });
const secretJwk = (bytes: Buffer) => ({ kty: 'oct', k: bytes.toString('base64url') });
const SIGNING_KEY_SECRET = 'a secret of the tests, long enough';

const it = test.override('environment', { SIGNING_KEY_SECRET });

const addSigningKey = (issuers: IssuerTable, id: string, algorithm: string, key: object, publicJwk?: object) =>
  issuers.addSigningKey(SIGNING_KEY_SECRET, { id, algorithm }, key, publicJwk);

it.beforeAll(async ({ node, issuers }) => {
  for (const [id, pair] of Object.entries({ 'own-rsa': rsa, 'own-short-rsa': shortRsa })) {
    const { privateKey, publicKey } = pair;
    await addSigningKey(
      issuers,
      id,
      'RS256',
      privateKey.export({ format: 'jwk' }),
      publicKey.export({ format: 'jwk' }),
    );
  }
  await addSigningKey(issuers, 'own-secret', 'HS256', secretJwk(secret));
  await addSigningKey(issuers, 'own-short', 'HS256', secretJwk(secret.subarray(0, 31)));
  const keys = [jwk(rsa.publicKey, 'rsa'), jwk(ec.publicKey, 'ec'), jwk(ed.publicKey, 'ed')];
  await issuers.add('corp', ISSUER, {
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    jwks: { keys },
    defaultPlanId: 'enterprise',
  });
  const others = { keys: [jwk(otherEd.publicKey, 'other'), jwk(rsa.publicKey, 'rsa')] };
  await issuers.add('other', OTHER_ISSUER, { algorithms: ['EdDSA', 'RS256'], jwks: others });
  await waitUntil(async () => (await answer(node, token())) === 'allowed');
});

type Signer = (input: Buffer) => Buffer;

const byRsa: Signer = (input) => sign('sha256', input, rsa.privateKey);
const byPss: Signer = (input) =>
  sign('sha256', input, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
const byEc: Signer = (input) => sign('sha256', input, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
const byEd =
  (key = ed.privateKey): Signer =>
  (input) =>
    sign(null, input, key);
const byHmac =
  (key: string | Buffer = secret): Signer =>
  (input) =>
    createHmac('sha256', key).update(input).digest();

const now = () => Math.floor(Date.now() / 1000);
const claimsWith = (change: object = {}) => {
  const jti = randomBytes(8).toString('hex');
  return { iss: ISSUER, aud: 'api', sub: 'ann', exp: now() + 600, jti, ...change };
};

/** Claims of a stateless token of Weir. */
const ownClaims = () => claimsWith({ iss: 'weir', aud: 'weir', weir: { plan: 'enterprise' } });
const ownHeader = (alg: string, kid: string) => ({ alg, kid, typ: 'weir+jwt' });

/** Signs a JWS of any header and claims. Strings and bytes are used as they are. */
function token(
  claims: object | string | Buffer = claimsWith(),
  header: object | string = { alg: 'EdDSA', kid: 'ed' },
  signer: Signer = byEd(),
): string {
  const part = (value: object | string | Buffer) =>
    (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))).toString(
      'base64url',
    );
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`;
}

/** Signs a token that has this many characters. */
function tokenOfLength(length: number): string {
  const start = token(claimsWith({ padding: '' })).length;
  // Padding in the claims fills four characters for three bytes; the header's makes up the rest.
  for (const inHeader of [0, 1, 2]) {
    for (let inClaims = Math.floor(((length - start) * 3) / 4) - 16; ; inClaims++) {
      const padded = token(claimsWith({ padding: 'x'.repeat(inClaims) }), {
        alg: 'EdDSA',
        kid: 'ed',
        x: 'x'.repeat(inHeader),
      });
      if (padded.length === length) return padded;
      if (padded.length > length) break;
    }
  }
  return expect.fail(`no token has ${length} characters`);
}

/** `allowed`, or the code of the denial. */
async function answer(node: TestNode, text: string): Promise<string> {
  const response = await check(node.decision, { authorization: `Bearer ${text}` });
  return httpStatus(response) === 200 ? 'allowed' : (parseDenial(response)?.code ?? 'nothing');
}

/** Asks twice and returns the answer: the cached one must be the same. */
async function outcome(node: TestNode, text: string): Promise<string> {
  const first = await answer(node, text);
  expect(await answer(node, text)).toBe(first);
  return first;
}

/** Reads the number of denied tokens by fault, from the metrics. */
async function readFaults(node: TestNode): Promise<Map<string, number>> {
  const text = await node.metrics();
  const lines = text.matchAll(/^weir_tokens_refused_total\{fault="(\w+)"\} (\d+)$/gm);
  return new Map([...lines].map(([, fault = '', count]) => [fault, Number(count)]));
}

/** Expects each token to be denied, for this fault. */
async function expectFault(
  node: TestNode,
  fault: string,
  tokens: readonly string[],
  code = 'unknown_credential',
): Promise<void> {
  const before = (await readFaults(node)).get(fault) ?? 0;
  for (const each of tokens) expect(await outcome(node, each)).toBe(code);
  expect((await readFaults(node)).get(fault) ?? 0).toBe(before + tokens.length);
}

/** Expects each token to be denied before it is parsed. */
async function expectMalformed(node: TestNode, ...tokens: readonly string[]): Promise<void> {
  for (const each of tokens) expect(await outcome(node, each)).toBe('malformed_credential');
}

it('accepts well-signed tokens, so that the tests below fail only for the fault that they name', async ({ node }) => {
  expect(await outcome(node, token(claimsWith(), { alg: 'RS256', kid: 'rsa' }, byRsa))).toBe('allowed');
  expect(await outcome(node, token(claimsWith(), { alg: 'ES256', kid: 'ec' }, byEc))).toBe('allowed');
  expect(await outcome(node, token(ownClaims(), ownHeader('RS256', 'own-rsa'), byRsa))).toBe('allowed');
  expect(await outcome(node, token(ownClaims(), ownHeader('HS256', 'own-secret'), byHmac()))).toBe('allowed');
  expect(await outcome(node, token(claimsWith(), { alg: 'EdDSA' }))).toBe('allowed');
});

describe('a JWT is denied', () => {
  it('with the algorithm `none` in any spelling', async ({ node }) => {
    const spellings = ['none', 'None', 'NONE', 'nOnE', 'none ', ''];
    for (const alg of spellings)
      await expectMalformed(
        node,
        token(claimsWith(), { alg }, () => Buffer.alloc(0)),
      );
    await expectFault(
      node,
      'algorithm',
      spellings.map((alg) => token(claimsWith(), { alg, kid: 'ed' })),
    );
  });

  it('with HS256 keyed by an RSA public key', async ({ node }) => {
    const forms = [
      rsa.publicKey.export({ type: 'spki', format: 'pem' }),
      rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
      rsa.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk(rsa.publicKey, 'rsa')),
      Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'),
    ];
    const forged = (claims: object, kid: string) =>
      forms.map((form) => token(claims, ownHeader('HS256', kid), byHmac(form)));
    await expectFault(node, 'algorithm', forged(ownClaims(), 'own-rsa'));
    await expectFault(node, 'signature', forged(ownClaims(), 'own-secret'));
    await expectFault(node, 'algorithm', forged(claimsWith(), 'rsa'));
  });

  it('with a key of the wrong type', async ({ node }) => {
    await expectFault(node, 'key', [
      token(claimsWith(), { alg: 'ES256', kid: 'rsa' }, byRsa),
      token(claimsWith(), { alg: 'EdDSA', kid: 'ec' }, byEc),
      token(claimsWith(), { alg: 'RS256', kid: 'ed' }, byEd()),
    ]);
    await expectFault(node, 'algorithm', [
      token(ownClaims(), ownHeader('RS256', 'own-secret'), byHmac()),
      token(ownClaims(), ownHeader('EdDSA', 'own-rsa'), byRsa),
    ]);
  });

  it('with a key that is too short', async ({ node }) => {
    const signer: Signer = (input) => sign('sha256', input, shortRsa.privateKey);
    await expectFault(node, 'weak_key', [token(ownClaims(), ownHeader('RS256', 'own-short-rsa'), signer)]);
  });

  it('with `jwk`, `jku`, `x5u` or `x5c` in the header', async ({ node }) => {
    const brought = {
      jwk: jwk(stranger.publicKey, 'ed'),
      jku: 'https://attacker.example.com/jwks',
      x5u: 'https://attacker.example.com/cert',
      x5c: ['MIIB'],
    };
    const headers = Object.entries(brought).map(([name, value]) => ({ alg: 'EdDSA', kid: 'ed', [name]: value }));
    await expectFault(
      node,
      'key_in_header',
      headers.flatMap((header) => [
        token(claimsWith(), header),
        token(claimsWith(), header, byEd(stranger.privateKey)),
      ]),
    );
  });

  it('with a path or SQL in `kid`', async ({ node }) => {
    const kids = [
      '../../../../../dev/null',
      'keys/../ed',
      "ed' or '1'='1",
      'ed; drop table signing_key',
      'ed\u0000',
      '',
    ];
    await expectFault(
      node,
      'key_id',
      kids.map((kid) => token(claimsWith(), { alg: 'EdDSA', kid })),
    );
    // A verifier that reads an empty file with such a name would accept a signature keyed by nothing.
    await expectFault(node, 'key', [token(ownClaims(), ownHeader('HS256', '/dev/null'), byHmac(''))]);
  });

  it('with an unknown `crit`', async ({ node }) => {
    const crits = [['x'], ['exp'], [], 'exp'];
    await expectFault(
      node,
      'critical',
      crits.map((crit) => token(claimsWith(), { alg: 'EdDSA', kid: 'ed', crit, x: true })),
    );
  });

  it('with `b64: false`', async ({ node }) => {
    const header = { alg: 'EdDSA', kid: 'ed', b64: false, crit: ['b64'] };
    await expectFault(node, 'unencoded_payload', [
      token(claimsWith(), header),
      token(claimsWith(), { ...header, crit: undefined }),
    ]);
  });

  it('if it is encrypted', async ({ node }) => {
    const parts = [{ alg: 'RSA-OAEP', enc: 'A256GCM' }, 'key', 'iv', 'text', 'tag'];
    const encrypted = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    await expectMalformed(node, encrypted.join('.'));
    await expectFault(
      node,
      'encrypted',
      [token(claimsWith(), { alg: 'EdDSA', kid: 'ed', enc: 'A256GCM' })],
      'malformed_credential',
    );
  });

  it('with duplicate claims', async ({ node }) => {
    const claims = JSON.stringify(claimsWith()).slice(0, -1);
    await expectFault(
      node,
      'duplicate_member',
      [
        token(`${claims},"sub":"root"}`),
        token(`${claims},"s\\u0075b":"root"}`),
        token(`${claims},"exp":9999999999}`),
        token(`${claims},"user":{"id":1,"id":2}}`),
        token(claimsWith(), '{"alg":"EdDSA","kid":"ed","kid":"other"}'),
      ],
      'malformed_credential',
    );
  });

  it('if `exp` or `nbf` is beyond the clock skew', async ({ node }) => {
    expect(await outcome(node, token(claimsWith({ exp: now() - 20, nbf: now() + 20 })))).toBe('allowed');
    await expectFault(
      node,
      'expired',
      [token(claimsWith({ exp: now() - 31 })), token(claimsWith({ exp: 0 }))],
      'expired_credential',
    );
    expect(await outcome(node, token(claimsWith({ nbf: now() + 40 })))).toBe('unknown_credential');
    const unreadable = [undefined, null, '9999999999', [9_999_999_999], -1, true];
    await expectFault(
      node,
      'times',
      unreadable.map((exp) => token(claimsWith({ exp }))),
    );
  });

  it('once it expires, even if it was accepted before', async ({ node }) => {
    const short = token(claimsWith({ exp: now() - 28 }));
    expect(await outcome(node, short)).toBe('allowed');
    await waitUntil(async () => (await answer(node, short)) === 'expired_credential');
  });

  it('with a signature of zeros', async ({ node }) => {
    const zeros = (length: number) => () => Buffer.alloc(length);
    await expectFault(node, 'signature', [
      token(claimsWith(), { alg: 'ES256', kid: 'ec' }, zeros(64)),
      token(claimsWith(), { alg: 'EdDSA', kid: 'ed' }, zeros(64)),
      token(claimsWith(), { alg: 'RS256', kid: 'rsa' }, zeros(256)),
      token(ownClaims(), ownHeader('HS256', 'own-secret'), zeros(32)),
      token(ownClaims(), ownHeader('HS256', 'own-secret'), zeros(1)),
    ]);
  });

  it('if it is longer than MAX_TOKEN_BYTES, before it is decoded', async ({ node }) => {
    for (const length of [9_451, 16_000, 16_384]) {
      const fitting = tokenOfLength(length);
      expect(fitting).toHaveLength(length);
      expect(await outcome(node, fitting)).toBe('allowed');
      expect(await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret: fitting })).toMatchObject({
        state: GetTokenInfoResponse_State.VALID,
      });
    }
    await expectMalformed(node, tokenOfLength(16_385), tokenOfLength(40_000));
    const denial = parseDenial(await check(node.decision, { authorization: `Bearer ${tokenOfLength(16_385)}` }));
    expect(denial?.message).toBe('this token is too long: tokens have at most 16384 bytes');
  });

  it('if it is longer than another MAX_TOKEN_BYTES, up to 64 KiB', async ({ startNode }) => {
    const node = await startNode({ MAX_TOKEN_BYTES: '65536' });
    await waitUntil(async () => (await answer(node, token())) === 'allowed');
    expect(await outcome(node, tokenOfLength(65_536))).toBe('allowed');
    await expectMalformed(node, tokenOfLength(65_537));
    const strict = await startNode({ MAX_TOKEN_BYTES: '1024' });
    await waitUntil(async () => (await answer(strict, token())) === 'allowed');
    expect(await outcome(strict, tokenOfLength(1_024))).toBe('allowed');
    await expectMalformed(strict, tokenOfLength(1_025));
  });

  it('if it is not UTF-8', async ({ node }) => {
    const bytes = Buffer.from(JSON.stringify(claimsWith({ name: 'X' })));
    bytes[bytes.lastIndexOf('X')] = 0xff;
    await expectFault(node, 'not_utf8', [token(bytes)], 'malformed_credential');
  });

  it('without our audience in its audience list', async ({ node }) => {
    expect(await outcome(node, token(claimsWith({ aud: ['other', 'api'] })))).toBe('allowed');
    const audiences = [['other', 'third'], [], 'other', 'API', '', undefined, { api: true }];
    await expectFault(
      node,
      'audience',
      audiences.map((aud) => token(claimsWith({ aud }))),
    );
  });

  it('with the `iss` of another issuer', async ({ node }) => {
    await expectFault(node, 'signature', [token(claimsWith(), { alg: 'EdDSA' }, byEd(otherEd.privateKey))]);
    await expectFault(node, 'key', [
      token(claimsWith({ iss: OTHER_ISSUER })),
      token(claimsWith({ iss: 'weir', aud: 'weir', sid: 's' }), { alg: 'EdDSA', kid: 'ed', typ: 'at+jwt' }),
      token(claimsWith({ iss: 'weir', aud: 'weir', weir: { role: 'admin' } }), { alg: 'EdDSA', typ: 'weir+jwt' }),
    ]);
    const unknownIssuers = [`${ISSUER}/`, ISSUER.toUpperCase(), 'constructor', '', undefined, [ISSUER]];
    await expectFault(
      node,
      'issuer',
      unknownIssuers.map((iss) => token(claimsWith({ iss }))),
    );
  });

  it('with an algorithm that is not allowed for its issuer', async ({ node }) => {
    await expectFault(node, 'algorithm', [
      token(claimsWith(), { alg: 'PS256', kid: 'rsa' }, byPss),
      token(claimsWith({ iss: OTHER_ISSUER }), { alg: 'ES256', kid: 'ec' }, byEc),
    ]);
  });

  it('with a shared secret of less than 32 bytes', async ({ node }) => {
    const by = (key: Buffer) => token(ownClaims(), ownHeader('HS256', 'own-short'), byHmac(key));
    await expectFault(node, 'weak_key', [by(secret.subarray(0, 31)), by(Buffer.alloc(0))]);
  });

  it('after a change of any part of a valid token', async ({ node }) => {
    const good = token();
    for (let index = 0; index < good.length; index += 7) {
      const other = good[index] === 'A' ? 'B' : 'A';
      expect(await outcome(node, good.slice(0, index) + other + good.slice(index + 1))).not.toBe('allowed');
    }
    expect(await outcome(node, good)).toBe('allowed');
  }, 60_000);
});
