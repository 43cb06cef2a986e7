import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH } from '../../demo/checks/check.ts';
import { EXT_AUTHZ_FILTER, RATE_LIMIT_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { startRedisProcess } from '../../provision/redis.ts';
import { newDatabase } from '../support/databases.ts';
import { sendThrough, WeirBehindEnvoy } from '../support/envoy/weir-behind-envoy.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Envoy's own choice for calls that fail, in both filters. */
const FAILURE_MODES = {
  denies: [
    setFilterField(EXT_AUTHZ_FILTER, ['failure_mode_allow'], false),
    setFilterField(RATE_LIMIT_FILTER, ['failure_mode_deny'], true),
  ],
  allows: [
    setFilterField(EXT_AUTHZ_FILTER, ['failure_mode_allow'], true),
    setFilterField(RATE_LIMIT_FILTER, ['failure_mode_deny'], false),
  ],
};
const SERVICES = { Check: AUTHZ_ONLY_PATH, ShouldRateLimit: AUTHZ_AND_RATE_LIMIT_PATH };

// The table of docs/envoy.md, "When Weir cannot decide".
describe.each(['deny', 'error'])('with CHECK_ERRORS=%s, while Redis is away', (checkErrors) => {
  const secrets: Record<string, string> = {};
  const origins: Record<string, string> = {};
  let weir: WeirBehindEnvoy;

  beforeAll(async () => {
    const redis = await startRedisProcess();
    const environment = { DATABASE_URL: await newDatabase(), REDIS_URL: redis.url, CHECK_ERRORS: checkErrors };
    weir = await WeirBehindEnvoy.start(environment);
    const administrator = await weir.node.signIn();
    for (const policy of ['deny', 'local', 'allow', 'allow_uncounted']) {
      await weir.node.createPlan(administrator, policy.replace('_', '-'), 1, policy);
      secrets[policy] = (await weir.node.createKey(administrator, policy.replace('_', '-'))).secret;
    }
    for (const [mode, changes] of Object.entries(FAILURE_MODES)) origins[mode] = await weir.envoy(...changes);
    await redis.stop();
    await waitUntil(async () => (await send('denies', 'Check', 'deny')).startsWith('503'));
  }, 600_000);
  afterAll(() => weir?.stop());

  /** Returns the status, and Weir's error code if there is one. */
  async function send(mode: string, service: keyof typeof SERVICES, policy: string): Promise<string> {
    const headers = [['x-api-key', secrets[policy] ?? '']] as const;
    const { status, response } = await sendThrough(origins[mode] ?? '', { path: SERVICES[service], headers });
    const isWeirError = response.headers['content-type'] === 'application/json' && status !== 200;
    return isWeirError ? `${status} ${JSON.parse(response.body).error.code}` : String(status);
  }

  const passes = checkErrors === 'error' ? '200' : '503 store_unavailable';
  it.each([
    ['Check', 'deny', 'denies', ['503 store_unavailable', '503 store_unavailable']],
    ['Check', 'deny', 'allows', [passes, passes]],
    ['ShouldRateLimit', 'deny', 'denies', ['429', '429']],
    ['ShouldRateLimit', 'deny', 'allows', ['429', '429']],
    ['Check', 'local', 'allows', ['200', '429 rate_limited']],
    ['Check', 'allow', 'denies', ['200', '200']],
    ['Check', 'allow_uncounted', 'denies', ['200', '200']],
    ['ShouldRateLimit', 'allow', 'denies', ['200', '200']],
  ] as const)('%s with the policy %s, where Envoy %s what fails', async (service, policy, mode, expected) => {
    const answers = [await send(mode, service, policy), await send(mode, service, policy)];
    expect(answers).toEqual(expected);
  });
});
