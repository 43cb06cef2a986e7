import { expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const it = test
  .override('rules', {
    'paths.yaml': 'domain: shop\ndescriptors:\n  - {key: path, rate_limit: {unit: hour, requests_per_unit: 1}}\n',
    'users.yml': 'domain: shop\ndescriptors:\n  - {key: user, rate_limit: {unit: hour, requests_per_unit: 2}}\n',
    '.draft.yaml': 'domain: draft\ndescriptors:\n  - {key: user, rate_limit: {unit: hour, requests_per_unit: 0}}\n',
    'notes.txt': 'domain: shop\n',
  })
  .override('environment', { MERGE_DOMAIN_CONFIG: 'true' });

it('merges the files of one domain with MERGE_DOMAIN_CONFIG=true, and reads no dot files', async ({ node }) => {
  const codes = async (key: string, domain = 'shop') => {
    const codes = [];
    for (let request = 0; request < 3; request++) {
      codes.push((await shouldRateLimit(node.decision, domain, [key, 'x'])).overallCode);
    }
    return codes;
  };
  expect(await codes('path')).toEqual([Code.OK, Code.OVER_LIMIT, Code.OVER_LIMIT]);
  expect(await codes('user')).toEqual([Code.OK, Code.OK, Code.OVER_LIMIT]);
  expect(await codes('user', 'draft')).toEqual([Code.OK, Code.OK, Code.OK]);
});

it('reads dot files with RUNTIME_IGNOREDOTFILES=false', async ({ startNode }) => {
  const node = await startNode({ RUNTIME_IGNOREDOTFILES: 'false' });
  expect((await shouldRateLimit(node.decision, 'draft', ['user', 'x'])).overallCode).toBe(Code.OVER_LIMIT);
});

it('does not start without MERGE_DOMAIN_CONFIG, and names both files', async ({ startNode }) => {
  await expect(startNode({ MERGE_DOMAIN_CONFIG: '' })).rejects.toThrow(
    /users\.yml:1:1: domain: must not be in two files \("shop" is also in .*paths\.yaml\)/,
  );
});
