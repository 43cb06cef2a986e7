import { expect } from 'vitest';
import { IssuerServiceService, TestIssuerRequest } from '../../../src/generated/weir/admin/v1/issuer_service.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { IdentityProvider } from '../../support/servers/identity-provider.ts';

const it = test
  /** An issuer whose configuration an attacker controls. */
  .extend('attacker', { scope: 'file' }, () => IdentityProvider.start())
  /** A server of this machine that nobody may reach through Weir. */
  .extend('victim', { scope: 'file' }, () => IdentityProvider.start())
  .extend('strict', { scope: 'file' }, ({ startNode, attacker }) =>
    startNode({ PRIVATE_ISSUER_HOSTS: `127.0.0.1:${new URL(attacker.issuer).port}` }),
  );

async function testIssuer(node: TestNode, administrator: Headers) {
  const request = TestIssuerRequest.fromPartial({ name: 'issuers/attacker' });
  return (await node.admin.call(IssuerServiceService.testIssuer, request, administrator)).steps;
}

it.beforeAll(async ({ issuers, attacker }) => {
  await issuers.add('attacker', attacker.issuer, { defaultPlanId: null });
});
it.afterAll(async ({ attacker, victim }) => {
  await attacker.stop();
  await victim.stop();
});

it.for([
  ...['http://127.0.0.1:PORT', 'http://127.0.0.2:PORT', 'http://127.1:PORT', 'http://2130706433:PORT'],
  ...['http://localhost:PORT', 'https://localhost:PORT', 'https://127.0.0.1:PORT', 'https://0x7f000001:PORT'],
  ...['https://[::1]:PORT', 'https://[::ffff:127.0.0.1]:PORT', 'https://[::ffff:7f00:1]:PORT', 'https://0.0.0.0:PORT'],
  ...['https://[64:ff9b::7f00:1]:PORT', 'https://169.254.169.254', 'https://10.0.0.1', 'https://100.64.0.1'],
  ...['https://[::127.0.0.1]:PORT', 'https://[::7f00:1]:PORT', 'https://127.0.0.1.:PORT', 'https://168.63.129.16'],
  ...['https://[fd00::1]', 'https://[fe80::1]', 'https://192.168.0.1', 'https://172.16.0.1'],
])('an issuer cannot send Weir to %s', async (origin, { strict, administrator, attacker, victim }) => {
  const url = `${origin.replace('PORT', new URL(victim.issuer).port)}/jwks`;
  attacker.claimedJwksUri = url;
  const steps = await testIssuer(strict, administrator);
  const failed = steps.find(({ ok }) => !ok);
  expect(failed?.message).toMatch(/must be an https URL|or its host must be in PRIVATE_ISSUER_HOSTS/);
  expect(victim.requests).toBe(0);
});

it('an issuer cannot redirect Weir', async ({ strict, administrator, attacker }) => {
  attacker.claimedJwksUri = undefined;
  attacker.fault = 'redirect';
  const before = attacker.requests;
  const [discovery] = await testIssuer(strict, administrator);
  attacker.fault = 'none';
  expect(discovery?.message).toContain('must not redirect (got 302)');
  expect(attacker.requests - before).toBe(1);
});

it('the keys of an issuer in a private network are fetched if its host is named', async ({
  node,
  strict,
  administrator,
  attacker,
  victim,
}) => {
  expect((await testIssuer(strict, administrator))[0]).toMatchObject({ ok: true });
  attacker.claimedJwksUri = victim.jwksUri;
  const before = victim.requests;
  await testIssuer(node, administrator);
  expect(victim.requests - before).toBe(1);
  attacker.claimedJwksUri = undefined;
});
