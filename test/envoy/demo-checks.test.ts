import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BOTH_FILTERS, NO_FILTER, ONE_FILTER, withKey } from '../../demo/checks/check.ts';
import { identityChecks } from '../../demo/checks/identity.ts';
import { checks, protocols, sceneOf } from '../../demo/checks.ts';
import { askOverHttp1 } from '../../demo/client.ts';
import { type Envoy, EXT_AUTHZ, HEADER_MUTATION, startEnvoy, without } from '../../demo/envoy.ts';
import { FIVE_A_MINUTE, startWorld, type World } from '../../demo/world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(() => world.stop());

describe('behind a real Envoy', () => {
  describe.for(protocols)('over %s', ([, ask]) => {
    for (const { name, run } of checks) test.concurrent(name, () => run(sceneOf(world, world.origin, ask)));
  });
});

describe('behind an Envoy that lets the x-weir-* headers of clients through', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(world.surroundings, without(HEADER_MUTATION));
  });
  afterAll(() => envoy.stop());

  const paths = [ONE_FILTER, BOTH_FILTERS];
  test.for(paths.flatMap(identityChecks))('$name', ({ run }) => run(sceneOf(world, envoy.origin, askOverHttp1)));
});

describe('behind an Envoy that does not ask who it is', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(world.surroundings, without(EXT_AUTHZ));
  });
  afterAll(() => envoy.stop());

  test('nobody passes uncounted where a key’s plan is to be charged', async () => {
    const key = await world.administrator.createKey(FIVE_A_MINUTE.id);
    expect((await askOverHttp1(envoy.origin, withKey(BOTH_FILTERS, key))).status).toBe(429);
  });
});

// Last: it ends the Weir of this file.
test('with Weir away nobody comes in, and the refusal is 503', async () => {
  const key = await world.administrator.createKey(FIVE_A_MINUTE.id);
  const { ask } = sceneOf(world, world.origin, askOverHttp1);
  expect((await ask(withKey(ONE_FILTER, key))).status).toBe(200);
  await world.stopWeir();
  expect((await ask(withKey(ONE_FILTER, key))).status).toBe(503);
  expect((await ask(withKey(BOTH_FILTERS, key))).status).toBe(503);
  expect((await ask({ path: NO_FILTER })).status).toBe(200);
});
