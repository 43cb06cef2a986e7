import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks, protocols, sceneOf } from '../../demo/checks/all-checks.ts';
import { BOTH_FILTERS, NO_FILTER, ONE_FILTER, withKey } from '../../demo/checks/check.ts';
import { identityChecks } from '../../demo/checks/identity-checks.ts';
import { FIVE_A_MINUTE, startWorld, type World } from '../../demo/demo-stack.ts';
import { askOverHttp1 } from '../../demo/http-clients.ts';
import { type Envoy, EXT_AUTHZ, HEADER_MUTATION, startEnvoy, without } from '../../demo/start-envoy.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(() => world.stop());

describe('the demo behind a real Envoy', () => {
  describe.for(protocols)('over %s', ([, ask]) => {
    for (const { name, run } of checks) it.concurrent(name, () => run(sceneOf(world, world.origin, ask)));
  });
});

describe('the demo behind an Envoy that passes on the x-weir-* headers of clients', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(world.surroundings, without(HEADER_MUTATION));
  });
  afterAll(() => envoy.stop());

  const paths = [ONE_FILTER, BOTH_FILTERS];
  it.for(paths.flatMap(identityChecks))('$name', ({ run }) => run(sceneOf(world, envoy.origin, askOverHttp1)));
});

describe('the demo behind an Envoy without ext_authz', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(world.surroundings, without(EXT_AUTHZ));
  });
  afterAll(() => envoy.stop());

  it('rejects requests whose plan is to be charged, rather than passing them uncounted', async () => {
    const key = await world.administrator.createKey(FIVE_A_MINUTE.id);
    expect((await askOverHttp1(envoy.origin, withKey(BOTH_FILTERS, key))).status).toBe(429);
  });
});

// Last: it stops the Weir of this file.
describe('the demo after Weir has stopped', () => {
  it('denies requests with 503, except for those that do not need Weir', async () => {
    const key = await world.administrator.createKey(FIVE_A_MINUTE.id);
    const { ask } = sceneOf(world, world.origin, askOverHttp1);
    expect((await ask(withKey(ONE_FILTER, key))).status).toBe(200);
    await world.stopWeir();
    expect((await ask(withKey(ONE_FILTER, key))).status).toBe(503);
    expect((await ask(withKey(BOTH_FILTERS, key))).status).toBe(503);
    expect((await ask({ path: NO_FILTER })).status).toBe(200);
  });
});
