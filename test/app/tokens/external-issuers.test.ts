import { afterAll, describe, expect, onTestFinished } from 'vitest';
import { createCertificates } from '../../../provision/certificates.ts';
import type { NodeStatusReport } from '../../../src/telemetry/node-status.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import {
  IdentityProvider,
  type IssuerColumns,
  type IssuerTable,
  makeTokenKey,
  signToken,
  type TokenKey,
} from '../../support/servers/identity-provider.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

/** An address of this machine that is not in its loopback network. */
const INSECURE_HOST = '0.0.0.0';

const it = test
  .override('environment', { INSECURE_HTTP_ISSUER_HOSTS: INSECURE_HOST })
  .extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'));

const checkToken = (node: TestNode, token: string, extensions: Record<string, string> = {}) =>
  check(node.decision, { authorization: `Bearer ${token}` }, extensions);

/** Waits until the node knows the latest change and gives this response. */
async function waitForResult(
  node: TestNode,
  expected: string | number,
  issueToken: () => Promise<string>,
): Promise<void> {
  const readResult = async () => {
    const response = await checkToken(node, await issueToken());
    return parseDenial(response)?.code ?? httpStatus(response);
  };
  await expect.poll(readResult, { timeout: 50_000, interval: 100 }).toBe(expected);
}

/** Reads from /status whether the keys of all issuers can be fetched. */
async function readHealthOfIssuerKeys(node: TestNode): Promise<string | undefined> {
  const { parts } = (await (await node.fetch('/status')).json()) as NodeStatusReport;
  return parts.find(({ name }) => name === 'issuer_keys')?.health;
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
    await waitForResult(node, 200, token);
    const response = await checkToken(node, await token());
    expect(response.dynamicMetadata).toMatchObject({ account: 'corp:ann', plan: 'free' });
    expect(addedHeaders(response)).toHaveProperty('x-ratelimit-remaining');
  });

  it('names its plan and features in the claims that the issuer configures', async ({ node, issuers, key }) => {
    const claims = { plan: 'https://example.com/tier', features: 'scope', account: 'user.id' };
    const token = await addIssuer(issuers, key, 'mapped', { claims });
    const pro = { 'https://example.com/tier': 'pro', scope: 'export bulk', user: { id: 42 } };
    await waitForResult(node, 200, () => token(pro));
    const response = await checkToken(node, await token(pro), { 'weir.require': 'bulk,export' });
    expect(response.dynamicMetadata).toMatchObject({ account: 'mapped:42', plan: 'pro' });
    expect(parseDenial(await checkToken(node, await token(pro), { 'weir.require': 'other' }))?.code).toBe(
      'missing_feature',
    );
    const unknown = { ...pro, 'https://example.com/tier': 'no such plan' };
    expect(parseDenial(await checkToken(node, await token(unknown)))?.code).toBe('unknown_credential');
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
    await waitForResult(node, 200, () => token(nested));
    const response = await checkToken(node, await token(nested), { 'weir.require': 'export' });
    expect(response.dynamicMetadata).toMatchObject({ account: 'pointers:robot', plan: 'pro' });
    expect(parseDenial(await checkToken(node, await token({ ...nested, 'kubernetes.io': {} })))?.code).toBe(
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
    await waitForResult(node, 200, () => token(access));
    for (const wrong of [{ client_id: 'other' }, { token_use: 'id' }, { token_use: undefined }, { aud: 'other' }]) {
      expect(parseDenial(await checkToken(node, await token({ ...access, ...wrong })))?.code).toBe(
        'unknown_credential',
      );
    }
  });

  it('has one account under all names of its issuer', async ({ node, issuers, key }) => {
    const issuerAliases = ['https://aliased.example.com/', 'aliased.example.com'];
    const token = await addIssuer(issuers, key, 'aliased', { issuerAliases });
    await waitForResult(node, 200, token);
    for (const iss of issuerAliases) {
      const response = await checkToken(node, await token({ iss }));
      expect(response.dynamicMetadata).toMatchObject({ account: 'aliased:ann' });
    }
    expect(parseDenial(await checkToken(node, await token({ iss: 'https://aliased.example.com//' })))?.code).toBe(
      'unknown_credential',
    );
  });

  it('is denied without a plan, and never unlimited', async ({ node, issuers, key }) => {
    const claims = { plan: 'tier' };
    const token = await addIssuer(issuers, key, 'planless', { claims, defaultPlanId: null });
    await waitForResult(node, 200, () => token({ tier: 'free' }));
    expect(parseDenial(await checkToken(node, await token()))?.code).toBe('unknown_credential');
  });

  it('may name accounts of the catalog if the issuer is allowed to', async ({ node, issuers, administrator, key }) => {
    const { authorization = '' } = administrator;
    const own = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    const token = await addIssuer(issuers, key, 'staff', { catalogAccounts: true });
    await waitForResult(node, 200, () => token({ sub: own.sub }));
    const response = await checkToken(node, await token({ sub: own.sub }));
    expect(response.dynamicMetadata).toMatchObject({ account: own.sub });
    expect(parseDenial(await checkToken(node, await token({ sub: 'nobody' })))?.code).toBe('unknown_credential');
  });

  it.for(['ES256', 'ES384', 'RS256', 'PS256'])(
    'may be signed with %s if the issuer is allowed that algorithm',
    async (alg, { node, issuers }) => {
      const iss = `https://${alg}.example.com`;
      const other = await makeTokenKey(alg);
      await issuers.add(alg.toLowerCase(), iss, { algorithms: [alg], jwks: { keys: [other.publicJwk] } });
      await waitForResult(node, 200, () => signToken(other, { iss }));
    },
  );

  it('is denied once its issuer is disabled, even if it was accepted before', async ({ node, issuers, key }) => {
    const token = await addIssuer(issuers, key, 'former', {});
    const one = await token();
    await waitForResult(node, 200, async () => one);
    await issuers.run(`update issuer set disabled = true where id = 'former'`);
    await waitForResult(node, 'unknown_credential', async () => one);
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
    for (const issued of [one, ofSession, ofAccount, other]) await waitForResult(node, 200, async () => issued);
    const revoke = `insert into revocation (id, issuer_id, kind, value, issued_before, expire_time, create_time)
      values (?, 'revoking', ?, ?, ?, now() + interval '1h', now())`;
    await issuers.run(revoke, 'r1', 'token', 'one', null);
    await issuers.run(revoke, 'r2', 'session', 'session', null);
    await issuers.run(revoke, 'r3', 'account', 'revoking:bob', new Date(Date.now() - 60_000));
    for (const issued of [one, ofSession, ofAccount])
      await waitForResult(node, 'revoked_credential', async () => issued);
    expect(httpStatus(await checkToken(node, other))).toBe(200);
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
    onTestFinished(() => {
      provider.fault = 'none';
    });
    await issuers.add('discovered', provider.issuer, {});
    const token = () => signToken(key, { iss: provider.issuer });
    await waitForResult(node, 'verification_unavailable', token);
    const waiting = checkToken(node, await token());
    const { authorization = '' } = await node.signIn();
    const answered: string[] = [];
    const others = check(node.decision, { authorization }).then((response) => {
      answered.push('other');
      return response;
    });
    expect(httpStatus(await waiting.finally(() => answered.push('waiting')))).toBe(503);
    expect(httpStatus(await others)).toBe(200);
    expect(answered).toEqual(['other', 'waiting']);
    await expect.poll(() => readHealthOfIssuerKeys(node), { timeout: 20_000 }).toBe('degraded');
    provider.fault = 'none';
    await waitForResult(node, 200, token);
    expect(await readHealthOfIssuerKeys(node)).toBe('healthy');
  });

  it('is accepted with a new key of the issuer, and denied with the old one', async ({ node, key }) => {
    const after = await makeTokenKey('EdDSA');
    provider.keys = [after.publicJwk];
    await waitForResult(node, 200, () => signToken(after, { iss: provider.issuer }));
    expect(httpStatus(await checkToken(node, await signToken(key, { iss: provider.issuer })))).toBe(401);
  });

  it('does not cause a fetch for each made-up kid', async ({ node, key }) => {
    const before = provider.requests;
    const tokens = await Promise.all(
      Array.from({ length: 300 }, (_, index) => signToken(key, { iss: provider.issuer }, { kid: `made-up-${index}` })),
    );
    // A few at a time: more could wait too long for their verification on a busy machine.
    for (let first = 0; first < tokens.length; first += 20) {
      const responses = await Promise.all(tokens.slice(first, first + 20).map((token) => checkToken(node, token)));
      expect(new Set(responses.map(httpStatus))).toEqual(new Set([401]));
    }
    expect(provider.requests - before).toBeLessThanOrEqual(4);
  });
});

it('keys are fetched over plain http only for an issuer that says so, from a host that the node allows', async ({
  node,
  startNode,
  issuers,
  key,
}) => {
  const provider = await IdentityProvider.start();
  provider.keys = [key.publicJwk];
  const iss = provider.issuer.replace('127.0.0.1', INSECURE_HOST);
  const token = () => signToken(key, { iss });
  try {
    await issuers.add('insecure', iss, { jwksUri: `${iss}/jwks`, insecureHttp: true });
    await waitForResult(node, 200, token);
    const other = await startNode({ INSECURE_HTTP_ISSUER_HOSTS: 'keycloak.auth.svc' });
    await waitForResult(other, 'verification_unavailable', token);
    await issuers.run(`update issuer set insecure_http = false where id = 'insecure'`);
    await waitForResult(node, 'unknown_credential', token);
  } finally {
    await provider.stop();
  }
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
  await waitForResult(node, 'verification_unavailable', token);
  const environment = {
    DATABASE_URL: databaseUrl,
    WEIR_ROLE: 'decision',
    NODE_EXTRA_CA_CERTS: certificates.caFile,
    PRIVATE_ISSUER_HOSTS: '127.0.0.1',
  };
  const { weir: trusting, ports } = await startWeirProcess(environment);
  const client = new GrpcClient(ports.decision);
  try {
    const readStatus = async () => httpStatus(await check(client, { authorization: `Bearer ${await token()}` }));
    await expect.poll(readStatus).toBe(200);
  } finally {
    client.close();
    await trusting.stop();
    await provider.stop();
    await certificates.remove();
  }
});
