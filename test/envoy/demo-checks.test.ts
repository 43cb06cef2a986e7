import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_CHECKS, createCheckContext, PROTOCOLS } from '../../demo/checks/all-checks.ts';
import {
  AUTHZ_AND_RATE_LIMIT_PATH,
  AUTHZ_ONLY_PATH,
  createRequestWithKey,
  UNPROTECTED_PATH,
} from '../../demo/checks/check.ts';
import { createIdentityChecks } from '../../demo/checks/identity-checks.ts';
import { type DemoStack, FIVE_A_MINUTE, startDemoStack } from '../../demo/demo-stack.ts';
import { EXT_AUTHZ_FILTER, HEADER_MUTATION_FILTER, removeFilter } from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { type Envoy, startEnvoy } from '../../demo/start-envoy.ts';

let stack: DemoStack;

beforeAll(async () => {
  stack = await startDemoStack();
}, 600_000);
afterAll(() => stack.stop());

describe('the demo behind a real Envoy', () => {
  describe.for(PROTOCOLS)('over %s', ([, send]) => {
    for (const { name, run } of ALL_CHECKS)
      it.concurrent(name, () => run(createCheckContext(stack, stack.origin, send)));
  });
});

describe('the demo behind an Envoy that passes on the x-weir-* headers of clients', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(stack.envoyOptions, removeFilter(HEADER_MUTATION_FILTER));
  });
  afterAll(() => envoy.stop());

  const paths = [AUTHZ_ONLY_PATH, AUTHZ_AND_RATE_LIMIT_PATH];
  it.for(paths.flatMap(createIdentityChecks))('$name', ({ run }) =>
    run(createCheckContext(stack, envoy.origin, sendOverHttp1)),
  );
});

describe('the demo behind an Envoy without ext_authz', () => {
  let envoy: Envoy;

  beforeAll(async () => {
    envoy = await startEnvoy(stack.envoyOptions, removeFilter(EXT_AUTHZ_FILTER));
  });
  afterAll(() => envoy.stop());

  it('rejects requests whose plan is to be charged, rather than passing them uncounted', async () => {
    const key = await stack.admin.createKey(FIVE_A_MINUTE.id);
    expect((await sendOverHttp1(envoy.origin, createRequestWithKey(AUTHZ_AND_RATE_LIMIT_PATH, key))).status).toBe(429);
  });
});

// Last: it stops the Weir of this file.
describe('the demo after Weir has stopped', () => {
  it('denies requests with 503, except for those that do not need Weir', async () => {
    const key = await stack.admin.createKey(FIVE_A_MINUTE.id);
    const { send } = createCheckContext(stack, stack.origin, sendOverHttp1);
    expect((await send(createRequestWithKey(AUTHZ_ONLY_PATH, key))).status).toBe(200);
    await stack.stopWeir();
    expect((await send(createRequestWithKey(AUTHZ_ONLY_PATH, key))).status).toBe(503);
    expect((await send(createRequestWithKey(AUTHZ_AND_RATE_LIMIT_PATH, key))).status).toBe(503);
    expect((await send({ path: UNPROTECTED_PATH })).status).toBe(200);
  });
});
