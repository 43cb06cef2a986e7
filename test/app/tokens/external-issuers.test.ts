import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../../provision/certificates.ts';
import { freePort } from '../../../src/database/embedded/free-port.ts';
import { newDatabase } from '../../support/databases.ts';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { GrpcClient, type Headers } from '../../support/grpc-client.ts';
import {
  IdentityProvider,
  type IssuerColumns,
  IssuerTable,
  makeTokenKey,
  signToken,
  type TokenKey,
} from '../../support/identity-provider.ts';
import { TestNode } from '../../support/node.ts';

let url: string;
let node: TestNode;
let issuers: IssuerTable;
let administrator: Headers;
let key: TokenKey;

beforeAll(async () => {
  url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url });
  issuers = await IssuerTable.open(url);
  administrator = await node.signIn();
  key = await makeTokenKey('EdDSA');
});
afterAll(async () => {
  await issuers?.close();
  await node?.stop();
});

const ask = (token: string, extensions: Record<string, string> = {}) =>
  check(node.decision, { authorization: `Bearer ${token}` }, extensions);

/** The answer once the node knows what was changed just before. */
async function becomes(answer: string | number, token: () => Promise<string>): Promise<void> {
  const seen = async () => {
    const response = await ask(await token());
    return parseDenial(response)?.code ?? httpStatus(response);
  };
  await expect.poll(seen, { timeout: 30_000, interval: 100 }).toBe(answer);
}

/** An issuer whose keys stand in the catalog, and tokens of it. */
async function addIssuer(id: string, columns: IssuerColumns): Promise<(claims?: object) => Promise<string>> {
  const iss = `https://${id}.example.com`;
  await issuers.add(id, iss, { jwks: { keys: [key.publicJwk] }, ...columns });
  return (claims = {}) => signToken(key, { iss, ...claims });
}

describe('a token of an issuer outside', () => {
  it('lets its account in under the issuer’s name, on the issuer’s plan', async () => {
    const token = await addIssuer('corp', {});
    await becomes(200, token);
    const answer = await ask(await token());
    expect(answer.dynamicMetadata).toMatchObject({ account: 'corp:ann', plan: 'free' });
    expect(addedHeaders(answer)).toHaveProperty('x-ratelimit-remaining');
  });

  it('tells its plan and features by the names that the issuer has for them', async () => {
    const claims = { plan: 'https://example.com/tier', features: 'scope', account: 'user.id' };
    const token = await addIssuer('mapped', { claims });
    const pro = { 'https://example.com/tier': 'pro', scope: 'export bulk', user: { id: 42 } };
    await becomes(200, () => token(pro));
    const answer = await ask(await token(pro), { 'weir.require': 'bulk,export' });
    expect(answer.dynamicMetadata).toMatchObject({ account: 'mapped:42', plan: 'pro' });
    expect(parseDenial(await ask(await token(pro), { 'weir.require': 'other' }))?.code).toBe('missing_feature');
    const unknown = { ...pro, 'https://example.com/tier': 'no such plan' };
    expect(parseDenial(await ask(await token(unknown)))?.code).toBe('unknown_credential');
  });

  it('on no plan at all is refused, and never unlimited', async () => {
    const claims = { plan: 'tier' };
    const token = await addIssuer('planless', { claims, defaultPlanId: null });
    await becomes(200, () => token({ tier: 'free' }));
    expect(parseDenial(await ask(await token()))?.code).toBe('unknown_credential');
  });

  it('names accounts of the catalog where the issuer may', async () => {
    const { authorization = '' } = administrator;
    const own = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    const token = await addIssuer('staff', { catalogAccounts: true });
    await becomes(200, () => token({ sub: own.sub }));
    const answer = await ask(await token({ sub: own.sub }));
    expect(answer.dynamicMetadata).toMatchObject({ account: own.sub });
    expect(parseDenial(await ask(await token({ sub: 'nobody' })))?.code).toBe('unknown_credential');
  });

  it.each(['ES256', 'ES384', 'RS256', 'PS256'])('may be signed by %s where the issuer is allowed that', async (alg) => {
    const iss = `https://${alg}.example.com`;
    const other = await makeTokenKey(alg);
    await issuers.add(alg.toLowerCase(), iss, { algorithms: [alg], jwks: { keys: [other.publicJwk] } });
    await becomes(200, () => signToken(other, { iss }));
  });

  it('is refused from when the issuer is disabled, however well known it was', async () => {
    const token = await addIssuer('former', {});
    const one = await token();
    await becomes(200, async () => one);
    await issuers.run(`update issuer set disabled = true where id = 'former'`);
    await becomes('unknown_credential', async () => one);
  });

  it('is refused from when it, its session or its account is revoked, and nobody else’s', async () => {
    const token = await addIssuer('revoking', {});
    const [one, ofSession, ofAccount, other] = [
      await token({ jti: 'one' }),
      await token({ sid: 'session' }),
      await token({ sub: 'bob', iat: 1000 }),
      await token({ sub: 'bob', iat: Math.floor(Date.now() / 1000) }),
    ];
    for (const each of [one, ofSession, ofAccount, other]) await becomes(200, async () => each);
    const revoke = `insert into revocation (id, issuer_id, kind, value, issued_before, expire_time, create_time)
      values (?, 'revoking', ?, ?, ?, now() + interval '1h', now())`;
    await issuers.run(revoke, 'r1', 'token', 'one', null);
    await issuers.run(revoke, 'r2', 'session', 'session', null);
    await issuers.run(revoke, 'r3', 'account', 'revoking:bob', new Date(Date.now() - 60_000));
    for (const each of [one, ofSession, ofAccount]) await becomes('revoked_credential', async () => each);
    expect(httpStatus(await ask(other))).toBe(200);
  });
});

describe('an issuer whose keys are fetched', () => {
  let provider: IdentityProvider;
  beforeAll(async () => {
    provider = await IdentityProvider.start();
    provider.keys = [key.publicJwk];
  });
  afterAll(() => provider?.stop());

  it('by discovery is let in; while it cannot be asked its tokens are answered 503, and nobody else waits', async () => {
    provider.fault = 'silent';
    await issuers.add('discovered', provider.issuer, {});
    const token = () => signToken(key, { iss: provider.issuer });
    await becomes('verification_unavailable', token);
    const waiting = ask(await token());
    const { authorization = '' } = await node.signIn();
    const began = performance.now();
    expect(httpStatus(await check(node.decision, { authorization }))).toBe(200);
    expect(performance.now() - began).toBeLessThan(900);
    expect(httpStatus(await waiting)).toBe(503);
    provider.fault = 'none';
    await becomes(200, token);
  }, 60_000);

  it('changes them, and tokens of the new key are let in', async () => {
    const after = await makeTokenKey('EdDSA');
    provider.keys = [after.publicJwk];
    await becomes(200, () => signToken(after, { iss: provider.issuer }));
    expect(httpStatus(await ask(await signToken(key, { iss: provider.issuer })))).toBe(401);
  }, 60_000);

  it('is not asked for each kid that somebody makes up', async () => {
    const before = provider.requests;
    const tokens = await Promise.all(
      Array.from({ length: 300 }, (_, index) => signToken(key, { iss: provider.issuer }, { kid: `made-up-${index}` })),
    );
    const answers = await Promise.all(tokens.map((token) => ask(token)));
    expect(new Set(answers.map(httpStatus))).toEqual(new Set([401]));
    expect(provider.requests - before).toBeLessThanOrEqual(4);
  }, 30_000);
});

it('an issuer that is asked over https is let in by whoever trusts its certificate, and by nobody else', async () => {
  const certificates = await makeCertificates();
  const provider = await IdentityProvider.start(certificates);
  provider.keys = [key.publicJwk];
  await issuers.add('secure', provider.issuer, { jwksUri: provider.jwksUri });
  const token = () => signToken(key, { iss: provider.issuer });
  await becomes('verification_unavailable', token);
  const [decision, admin, http] = [await freePort(), await freePort(), await freePort()];
  const trusting = spawn(process.execPath, ['src/main.ts', 'serve'], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: url,
      WEIR_ROLE: 'decision',
      DECISION_ADDRESS: `127.0.0.1:${decision}`,
      ADMIN_ADDRESS: `127.0.0.1:${admin}`,
      HTTP_ADDRESS: `127.0.0.1:${http}`,
      NODE_EXTRA_CA_CERTS: certificates.caFile,
    },
    stdio: 'ignore',
  });
  const client = new GrpcClient(decision);
  try {
    const isReady = () =>
      fetch(`http://127.0.0.1:${http}/readyz`)
        .then((answer) => answer.ok)
        .catch(() => false);
    while (trusting.exitCode === null && !(await isReady())) await sleep(50);
    expect(httpStatus(await check(client, { authorization: `Bearer ${await token()}` }))).toBe(200);
  } finally {
    client.close();
    trusting.kill();
    await once(trusting, 'exit');
    await provider.stop();
    await certificates.remove();
  }
}, 60_000);
