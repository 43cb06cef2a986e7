import { describe, expect } from 'vitest';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `
domain: edge
descriptors:
  - key: remote_address
    descriptors:
      - {key: refused, value: '401', rate_limit: {requests: 3, window: 15s, block_for: 1h}}
      - {key: refused, value: '403', rate_limit: {requests: 1, window: 15s, block_for: 1h}}
  - key: refused
    descriptors:
      - {key: remote_address, shadow_mode: true, rate_limit: {name: tried, requests: 1, window: 1h, block_for: 1h}}
`;

const it = test.override('rules', RULES);

let addressCount = 0;
const newAddress = () => `198.51.100.${++addressCount}`;

const send = async (node: TestNode, key: string, address: string) => {
  const headers: Record<string, string> = key.startsWith('ey')
    ? { authorization: `Bearer ${key}` }
    : { 'x-api-key': key };
  const response = await check(node.decision, headers, {}, address);
  const status = httpStatus(response);
  return status === 200 ? 200 : `${status} ${parseDenial(response)?.code}`;
};

/** A token that no trusted key has signed. */
const FORGED = [{ alg: 'EdDSA', kid: 'x' }, { iss: 'weir', sub: 'a', exp: 4_000_000_000 }, {}]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.');

describe.for(STORES)('edge rules with the entry refused, with counters in %s', (store) => {
  const nodeOf = (nodes: Nodes) => nodes[store];

  it.for([
    ['a malformed key', 'garbage'],
    ['an unknown key', `wk_live_${'0'.repeat(28)}`],
    ['a forged token', FORGED],
  ] as const)('block an address after four refusals for %s', async ([_, credential], { nodes, administrator }) => {
    const node = nodeOf(nodes);
    const { secret } = await node.createKey(administrator, 'enterprise');
    const address = newAddress();
    for (let sent = 0; sent < 4; sent++) {
      expect(await send(node, secret, address)).toBe(200);
      expect(await send(node, credential, address)).toMatch(/^401/);
    }
    await expect.poll(() => send(node, secret, address)).toBe('429 rate_limited');
    expect(await send(node, credential, address)).toBe('429 rate_limited');
    expect(await send(node, secret, newAddress())).toBe(200);
  });

  it('count refusals with 403 apart, and no other denials', async ({ nodes, administrator }) => {
    const node = nodeOf(nodes);
    const { secret } = await node.createKey(administrator, 'enterprise');
    const disabled = await node.createKey(administrator, 'enterprise', { disabled: true });
    const address = newAddress();
    const plan = `one-${store}`;
    await node.createPlan(administrator, plan, 1);
    const limited = await node.createKey(administrator, plan);
    await expect.poll(() => send(node, limited.secret, address)).toBe(200);
    for (let sent = 0; sent < 5; sent++) expect(await send(node, limited.secret, address)).toBe('429 rate_limited');
    for (let sent = 0; sent < 3; sent++) expect(await send(node, 'garbage', address)).toMatch(/^401/);
    expect(await send(node, disabled.secret, address)).toBe('403 disabled_credential');
    expect(await send(node, secret, address)).toBe(200);
    expect(await send(node, disabled.secret, address)).toBe('403 disabled_credential');
    await expect.poll(() => send(node, secret, address)).toBe('429 rate_limited');
  });
});

it('count what a rule in shadow mode would have done', async ({ node, metrics }) => {
  const address = newAddress();
  for (let sent = 0; sent < 3; sent++) await send(node, 'garbage', address);
  const readCount = async () => {
    return Number(
      /^weir_shadow_decisions_total{rule="edge.refused.remote_address",verdict="would_deny"} (\d+)/m.exec(
        await metrics(),
      )?.[1] ?? 0,
    );
  };
  await expect.poll(readCount).toBeGreaterThanOrEqual(2);
});

it('are not among the limits that a response reports', async ({ node, administrator }) => {
  const { secret } = await node.createKey(administrator, 'free');
  const response = await check(node.decision, { 'x-api-key': secret }, {}, newAddress());
  const headers = response.httpResponse?.$case === 'okResponse' ? response.httpResponse.value.responseHeadersToAdd : [];
  const policy = headers.find(({ header }) => header?.key === 'ratelimit-policy')?.header?.value;
  expect(policy).toBeDefined();
  expect(policy).not.toContain('refused');
});
