import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BOTH_FILTERS, NO_FILTER, ONE_FILTER, type Scene, withKey } from '../../demo/checks/check.ts';
import { identityChecks } from '../../demo/checks/identity.ts';
import { checks } from '../../demo/checks.ts';
import { type Ask, askOverHttp1, askOverHttp2 } from '../../demo/client.ts';
import { FIVE_A_MINUTE, startWorld, type World } from '../../demo/world.ts';

const PROTOCOLS: readonly (readonly [string, Ask])[] = [
  ['HTTP/1.1', askOverHttp1],
  ['HTTP/2', askOverHttp2],
];

let world: World;

const sceneOver = (ask: Ask): Scene => ({
  administrator: world.administrator,
  ask: (question) => ask(world.origin, question),
});

describe('behind a real Envoy', () => {
  beforeAll(async () => {
    world = await startWorld();
  }, 600_000);
  afterAll(() => world.stop());

  describe.for(PROTOCOLS)('over %s', ([, ask]) => {
    for (const { name, run } of checks) test.concurrent(name, () => run(sceneOver(ask)));
  });
});

describe('behind an Envoy that lets the x-weir-* headers of clients through', () => {
  beforeAll(async () => {
    world = await startWorld({ withoutFilters: ['envoy.filters.http.header_mutation'] });
  }, 600_000);
  afterAll(() => world.stop());

  const paths = [ONE_FILTER, BOTH_FILTERS];
  test.for(paths.flatMap(identityChecks))('$name', ({ run }) => run(sceneOver(askOverHttp1)));
});

describe('with Weir away', () => {
  beforeAll(async () => {
    world = await startWorld();
  }, 600_000);
  afterAll(() => world.stop());

  test('nobody comes in, and the refusal is 503', async () => {
    const key = await world.administrator.createKey(FIVE_A_MINUTE.id);
    const { ask } = sceneOver(askOverHttp1);
    expect((await ask(withKey(ONE_FILTER, key))).status).toBe(200);
    await world.stopWeir();
    expect((await ask(withKey(ONE_FILTER, key))).status).toBe(503);
    expect((await ask(withKey(BOTH_FILTERS, key))).status).toBe(503);
    expect((await ask({ path: NO_FILTER })).status).toBe(200);
  });
});
