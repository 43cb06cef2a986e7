import { describe, expect } from 'vitest';
import { AUTHZ_ONLY_PATH } from '../../demo/checks/check.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const it = test.override('environment', { ERROR_FORMAT: 'problem' });

describe('with ERROR_FORMAT=problem, a real Envoy', () => {
  it('sends denials as problem details', async ({ node, administrator, envoy }) => {
    await node.createPlan(administrator, 'one', 1);
    const { secret } = await node.createKey(administrator, 'one');
    const send = async (headers: [string, string][]) => {
      const { status, response } = await sendThrough(envoy, { path: AUTHZ_ONLY_PATH, headers });
      return { status, type: response.headers['content-type'], body: status === 200 ? {} : JSON.parse(response.body) };
    };
    expect(await send([['x-api-key', secret]])).toMatchObject({ status: 200 });
    const expected = { status: 429, type: 'application/problem+json', body: { 'violated-policies': ['burst'] } };
    expect(await send([['x-api-key', secret]])).toMatchObject(expected);
    const missing = { type: 'about:blank', title: 'Unauthorized', status: 401, code: 'missing_credential' };
    expect(await send([])).toMatchObject({ status: 401, type: 'application/problem+json', body: missing });
  });
});
