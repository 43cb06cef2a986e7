import { afterAll, describe, expect } from 'vitest';
import { createCertificates } from '../../../provision/certificates.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import { GrpcClient } from '../../support/grpc-client.ts';
import {
  IdentityProvider,
  type IssuerColumns,
  type IssuerTable,
  makeTokenKey,
  signToken,
  type TokenKey,
} from '../../support/identity-provider.ts';
import type { TestNode } from '../../support/node.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const it = test.extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'));

const ask = (node: TestNode, token: string, extensions: Record<string, string> = {}) =>
  check(node.decision, { authorization: `Bearer ${token}` }, extensions);

/** Waits until the node knows the latest change and gives this answer. */
async function becomes(node: TestNode, answer: string | number, token: () => Promise<string>): Promise<void> {
  const seen = async () => {
    const response = await ask(node, await token());
    return parseDenial(response)?.code ?? httpStatus(response);
  };
  await expect.poll(seen, { timeout: 30_000, interval: 100 }).toBe(answer);
}

/** Adds an issuer with its keys in the catalog. Returns a function that issues its tokens. */
async function addIssuer(
  issuers: IssuerTable,
  key: TokenKey,
  id: string,
  columns: IssuerColumns,
): Promise<(claims?: object) => Promise<string>> {
  const iss = `https://${id}.example.com`;
  await issuers.add(id, iss, { jwks: { keys: [key.publicJwk] }, ...columns });
  return (claims = {}) => signToken(key, { iss, ...claims });
}

describe('a token of an external issuer', () => {
  it('authenticates its account under the name of the issuer, on the plan of the issuer', async ({
    node,
    issuers,
    key,
  }) => {
    const token = await addIssuer(issuers, key, 'corp', {});
    await becomes(node, 200, token);
    const answer = await ask(node, await token());
    expect(answer.dynamicMetadata).toMatchObject({ account: 'corp:ann', plan: 'free' });
    expect(addedHeaders(answer)).toHaveProperty('x-ratelimit-remaining');
  });

  it('names its plan and features in the claims that the issuer configures', async ({ node, issuers, key }) => {
    const claims = { plan: 'https://example.com/tier', features: 'scope', account: 'user.id' };
    const token = await addIssuer(issuers, key, 'mapped', { claims });
    const pro = { 'https://example.com/tier': 'pro', scope: 'export bulk', user: { id: 42 } };
    await becomes(node, 200, () => token(pro));
    const answer = await ask(node, await token(pro), { 'weir.require': 'bulk,export' });
    expect(answer.dynamicMetadata).toMatchObject({ account: 'mapped:42', plan: 'pro' });
    expect(parseDenial(await ask(node, await token(pro), { 'weir.require': 'other' }))?.code).toBe('missing_feature');
    const unknown = { ...pro, 'https://example.com/tier': 'no such plan' };
    expect(parseDenial(await ask(node, await token(unknown)))?.code).toBe('unknown_credential');
  });

  it('may have its claims in nested objects and lists whose names have dots and slashes', async ({
    node,
    issuers,
    key,
  }) => {
    const claims = {
      account: '/kubernetes.io/serviceaccount/name',
      plan: '/orgs/0/https:~1~1example.com~1plan',
      features: '/resource_access/my.client/roles',
    };
    const token = await addIssuer(issuers, key, 'pointers', { claims });
    const nested = {
      'kubernetes.io': { serviceaccount: { name: 'robot' } },
      orgs: [{ 'https://example.com/plan': 'pro' }],
      resource_access: { 'my.client': { roles: ['export'] } },
    };
    await becomes(node, 200, () => token(nested));
    const answer = await ask(node, await token(nested), { 'weir.require': 'export' });
    expect(answer.dynamicMetadata).toMatchObject({ account: 'pointers:robot', plan: 'pro' });
    expect(parseDenial(await ask(node, await token({ ...nested, 'kubernetes.io': {} })))?.code).toBe(
      'unknown_credential',
    );
  });

  it('may have its audience in client_id, next to the required claims and never against its aud', async ({
    node,
    issuers,
    key,
  }) => {
    // As Cognito's access tokens, which have no aud.
    const columns = { audienceClaim: 'client_id', requiredClaims: { token_use: 'access' } };
    const token = await addIssuer(issuers, key, 'cognito', columns);
    const access = { aud: undefined, client_id: 'api', token_use: 'access' };
    await becomes(node, 200, () => token(access));
    for (const wrong of [{ client_id: 'other' }, { token_use: 'id' }, { token_use: undefined }, { aud: 'other' }]) {
      expect(parseDenial(await ask(node, await token({ ...access, ...wrong })))?.code).toBe('unknown_credential');
    }
  });

  it('has one account under all names of its issuer', async ({ node, issuers, key }) => {
    const issuerAliases = ['https://aliased.example.com/', 'aliased.example.com'];
    const token = await addIssuer(issuers, key, 'aliased', { issuerAliases });
    await becomes(node, 200, token);
    for (const iss of issuerAliases) {
      const answer = await ask(node, await token({ iss }));
      expect(answer.dynamicMetadata).toMatchObject({ account: 'aliased:ann' });
    }
    expect(parseDenial(await ask(node, await token({ iss: 'https://aliased.example.com//' })))?.code).toBe(
      'unknown_credential',
    );
  });

  it('is denied without a plan, and never unlimited', async ({ node, issuers, key }) => {
    const claims = { plan: 'tier' };
    const token = await addIssuer(issuers, key, 'planless', { claims, defaultPlanId: null });
    await becomes(node, 200, () => token({ tier: 'free' }));
    expect(parseDenial(await ask(node, await token()))?.code).toBe('unknown_credential');
  });

  it('may name accounts of the catalog if the issuer is allowed to', async ({ node, issuers, administrator, key }) => {
    const { authorization = '' } = administrator;
    const own = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    const token = await addIssuer(issuers, key, 'staff', { catalogAccounts: true });
    await becomes(node, 200, () => token({ sub: own.sub }));
    const answer = await ask(node, await token({ sub: own.sub }));
    expect(answer.dynamicMetadata).toMatchObject({ account: own.sub });
    expect(parseDenial(await ask(node, await token({ sub: 'nobody' })))?.code).toBe('unknown_credential');
  });

  it.for(['ES256', 'ES384', 'RS256', 'PS256'])(
    'may be signed with %s if the issuer is allowed that algorithm',
    async (alg, { node, issuers }) => {
      const iss = `https://${alg}.example.com`;
      const other = await makeTokenKey(alg);
      await issuers.add(alg.toLowerCase(), iss, { algorithms: [alg], jwks: { keys: [other.publicJwk] } });
      await becomes(node, 200, () => signToken(other, { iss }));
    },
  );

  it('is denied once its issuer is disabled, even if it was accepted before', async ({ node, issuers, key }) => {
    const token = await addIssuer(issuers, key, 'former', {});
    const one = await token();
    await becomes(node, 200, async () => one);
    await issuers.run(`update issuer set disabled = true where id = 'former'`);
    await becomes(node, 'unknown_credential', async () => one);
  });

  it('is denied once it, its session or its account is revoked, unlike other tokens', async ({
    node,
    issuers,
    key,
  }) => {
    const token = await addIssuer(issuers, key, 'revoking', {});
    const [one, ofSession, ofAccount, other] = [
      await token({ jti: 'one' }),
      await token({ sid: 'session' }),
      await token({ sub: 'bob', iat: 1000 }),
      await token({ sub: 'bob', iat: Math.floor(Date.now() / 1000) }),
    ];
    for (const each of [one, ofSession, ofAccount, other]) await becomes(node, 200, async () => each);
    const revoke = `insert into revocation (id, issuer_id, kind, value, issued_before, expire_time, create_time)
      values (?, 'revoking', ?, ?, ?, now() + interval '1h', now())`;
    await issuers.run(revoke, 'r1', 'token', 'one', null);
    await issuers.run(revoke, 'r2', 'session', 'session', null);
    await issuers.run(revoke, 'r3', 'account', 'revoking:bob', new Date(Date.now() - 60_000));
    for (const each of [one, ofSession, ofAccount]) await becomes(node, 'revoked_credential', async () => each);
    expect(httpStatus(await ask(node, other))).toBe(200);
  });
});

describe('a token of an issuer whose keys Weir fetches', () => {
  let provider: IdentityProvider;
  it.beforeAll(async ({ key }) => {
    provider = await IdentityProvider.start();
    provider.keys = [key.publicJwk];
  });
  afterAll(() => provider?.stop());

  it('is accepted after discovery; while the issuer does not respond it gets 503, and nobody else waits', async ({
    node,
    issuers,
    key,
  }) => {
    provider.fault = 'silent';
    await issuers.add('discovered', provider.issuer, {});
    const token = () => signToken(key, { iss: provider.issuer });
    await becomes(node, 'verification_unavailable', token);
    const waiting = ask(node, await token());
    const { authorization = '' } = await node.signIn();
    const answered: string[] = [];
    const others = check(node.decision, { authorization }).then((answer) => {
      answered.push('other');
      return answer;
    });
    expect(httpStatus(await waiting.finally(() => answered.push('waiting')))).toBe(503);
    expect(httpStatus(await others)).toBe(200);
    expect(answered).toEqual(['other', 'waiting']);
    provider.fault = 'none';
    await becomes(node, 200, token);
  }, 60_000);

  it('is accepted with a new key of the issuer, and denied with the old one', async ({ node, key }) => {
    const after = await makeTokenKey('EdDSA');
    provider.keys = [after.publicJwk];
    await becomes(node, 200, () => signToken(after, { iss: provider.issuer }));
    expect(httpStatus(await ask(node, await signToken(key, { iss: provider.issuer })))).toBe(401);
  }, 60_000);

  it('does not cause a fetch for each made-up kid', async ({ node, key }) => {
    const before = provider.requests;
    const tokens = await Promise.all(
      Array.from({ length: 300 }, (_, index) => signToken(key, { iss: provider.issuer }, { kid: `made-up-${index}` })),
    );
    const answers = await Promise.all(tokens.map((token) => ask(node, token)));
    expect(new Set(answers.map(httpStatus))).toEqual(new Set([401]));
    expect(provider.requests - before).toBeLessThanOrEqual(4);
  }, 30_000);
});

it('keys are fetched over https only by a node that trusts the certificate of the issuer', async ({
  node,
  issuers,
  key,
  databaseUrl,
}) => {
  const certificates = await createCertificates();
  const provider = await IdentityProvider.start(certificates);
  provider.keys = [key.publicJwk];
  await issuers.add('secure', provider.issuer, { jwksUri: provider.jwksUri });
  const token = () => signToken(key, { iss: provider.issuer });
  await becomes(node, 'verification_unavailable', token);
  const environment = {
    DATABASE_URL: databaseUrl,
    WEIR_ROLE: 'decision',
    NODE_EXTRA_CA_CERTS: certificates.caFile,
  };
  const { weir: trusting, ports } = await startWeirProcess(environment);
  const client = new GrpcClient(ports.decision);
  try {
    expect(httpStatus(await check(client, { authorization: `Bearer ${await token()}` }))).toBe(200);
  } finally {
    client.close();
    await trusting.stop();
    await provider.stop();
    await certificates.remove();
  }
}, 60_000);
