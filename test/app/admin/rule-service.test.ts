import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect } from 'vitest';
import {
  ListRulesRequest,
  type ListRulesResponse,
  RuleServiceService,
} from '../../../src/generated/weir/admin/v1/rule_service.ts';
import { check, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const [INVALID_ARGUMENT, SOON] = [3, { timeout: 20_000, interval: 50 }];

const SHOP = `domain: shop
descriptors:
  - key: path
    value: /login
    limits: [{name: burst, requests: 2, window: 1h, on_store_failure: deny}, {name: day, requests: 100, window: 1d, algorithm: calendar}]
    descriptors:
      - {key: user, rate_limit: {name: user, requests: 1, window: 1m, replaces: [{name: burst}]}}
  - {key: path, value: "/*", rate_limit: {requests: 9, window: 1h}, candidate: {requests: 1, window: 1h}}
  - {key: dark, shadow_mode: true, rate_limit: {name: dark, requests: 1, window: 1h}}
  - {key: name, detailed_metric: true, rate_limit: {requests: 100, window: 1h}}
`;
const EDGE = `domain: edge
descriptors:
  - {key: route, value: narrow, rate_limit: {name: few, requests: 1, window: 1h}}
`;
const it = test.override('rules', { 'edge.yaml': EDGE, 'shop.yaml': SHOP });

function listRules(
  node: TestNode,
  administrator: Headers,
  request: Partial<ListRulesRequest> = {},
): Promise<ListRulesResponse> {
  return node.admin.call(RuleServiceService.listRules, ListRulesRequest.fromPartial(request), administrator);
}

async function listPaths(node: TestNode, administrator: Headers, request: Partial<ListRulesRequest>) {
  const { rules } = await listRules(node, administrator, request);
  return rules.map(({ path }) => path);
}

describe('ListRules', () => {
  it('lists the rules in the order of the files, as paths of entries, with limits and modes', async ({
    redisNode: node,
    administrator,
    rulesPath,
  }) => {
    const { rules, state, nextPageToken } = await listRules(node, administrator, { domain: 'shop' });
    expect(rules.map(({ path, entries }) => [path, entries.map(({ key, value }) => `${key}=${value}`)])).toEqual([
      ['shop.path_/login', ['path=/login']],
      ['shop.path_/login.user', ['path=/login', 'user=']],
      ['shop.path_/*', ['path=/*']],
      ['shop.dark', ['dark=']],
      ['shop.name', ['name=']],
    ]);
    const [login, user, wildcard, dark] = rules;
    expect(login?.limits).toMatchObject([
      { name: 'burst', requests: 2, window: '3600s', onStoreFailure: 'deny' },
      { name: 'day', requests: 100, window: '86400s', algorithm: 'calendar' },
    ]);
    expect(user?.replaces).toEqual(['burst']);
    expect(wildcard).toMatchObject({ candidate: { requests: 1, window: '3600s' }, shadowMode: false });
    expect(dark).toMatchObject({ shadowMode: true, quotaMode: false, candidate: undefined });
    expect(nextPageToken).toBe('');
    expect(state).toMatchObject({
      files: ['edge.yaml', 'shop.yaml'].map((name) => path.join(rulesPath, name)),
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      loadTime: expect.any(Date),
      domains: ['edge', 'shop', 'admin'],
      faults: [],
      failTime: undefined,
    });
  });

  it('has the counts of each rule, and none where nothing is counted by rule', async ({
    redisNode: node,
    administrator,
  }) => {
    for (let call = 0; call < 3; call++) await shouldRateLimit(node.decision, 'shop', ['path', '/login']);
    for (let call = 0; call < 2; call++) await shouldRateLimit(node.decision, 'shop', ['path', '/a']);
    for (let call = 0; call < 2; call++) await shouldRateLimit(node.decision, 'shop', ['dark', 'a']);
    await shouldRateLimit(node.decision, 'shop', ['name', 'ann']);
    for (let call = 0; call < 3; call++) await check(node.decision, {}, { 'weir.route': 'narrow' });
    const countsOf = async (rule: string) => {
      const { rules } = await listRules(node, administrator);
      return rules.find(({ path }) => path === rule)?.counts;
    };
    const none = {
      ok: undefined,
      overLimit: undefined,
      rejectedChecks: undefined,
      shadow: undefined,
      candidate: undefined,
    };
    expect(await countsOf('shop.path_/login')).toEqual({ ...none, ok: 2, overLimit: 1 });
    // Nobody waits for shadows.
    await expect
      .poll(() => countsOf('shop.dark'))
      .toEqual({ ...none, ok: 2, overLimit: 0, shadow: { ok: 1, wouldDeny: 1, unavailable: 0 } });
    expect(await countsOf('shop.path_/*')).toEqual({
      ...none,
      ...{ ok: 2, overLimit: 0, candidate: { ok: 1, wouldDeny: 1, unavailable: 0 } },
    });
    expect(await countsOf('shop.path_/login.user')).toEqual({ ...none, ok: 0, overLimit: 0 });
    expect(await countsOf('shop.name')).toEqual(none);
    expect(await countsOf('edge.route_narrow')).toEqual({ ...none, ok: 0, overLimit: 0, rejectedChecks: 2 });
    const { rules } = await listRules(node, administrator, { domain: 'admin' });
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.map(({ counts }) => counts)).toEqual(rules.map(() => none));
  });

  it('lists page by page', async ({ node, administrator }) => {
    const request = { domain: 'shop', pageSize: 2 };
    const pages: string[][] = [];
    let pageToken = '';
    do {
      const { rules, nextPageToken } = await listRules(node, administrator, { ...request, pageToken });
      pages.push(rules.map(({ path }) => path));
      pageToken = nextPageToken;
    } while (pageToken !== '');
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(await listPaths(node, administrator, { domain: 'shop' }));
    expect(await listPaths(node, administrator, { domain: 'nothing' })).toEqual([]);
  });

  it('names each field that is wrong', async ({ node, administrator }) => {
    const { nextPageToken } = await listRules(node, administrator, { domain: 'shop', pageSize: 1 });
    for (const [request, message] of [
      [{ pageSize: -1, pageToken: '???' }, /page_size: must not be negative.*page_token: must be the next_page_token/s],
      [{ domain: 'edge', pageToken: nextPageToken }, /page_token: must come from the same list/],
    ] as const) {
      await expect(listRules(node, administrator, request)).rejects.toMatchObject({
        code: INVALID_ARGUMENT,
        details: expect.stringMatching(message),
      });
    }
  });
});

describe('ListRules, when the files change,', () => {
  it('has the faults with file, line and message, and takes no page token from before a reload', async ({
    startNode,
  }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-rules-'));
    const file = path.join(folder, 'shop.yaml');
    await writeFile(file, SHOP);
    const node = await startNode({ RULES_PATH: folder });
    const administrator = await node.signIn();
    const first = await listRules(node, administrator, { pageSize: 1 });
    await writeFile(file, SHOP.replace('window: 1m', 'window: soon'));
    const readFaults = async () => (await listRules(node, administrator)).state?.faults ?? [];
    await expect.poll(readFaults, SOON).toHaveLength(1);
    const { state } = await listRules(node, administrator, { pageToken: first.nextPageToken });
    expect(state).toMatchObject({ version: first.state?.version, failTime: expect.any(Date), omittedFaults: 0 });
    const description = expect.stringMatching(/window: must be .*soon/);
    expect(state?.faults).toMatchObject([{ file, line: 7, description }]);
    await writeFile(file, SHOP.replace('window: 1m', 'window: 2m'));
    await expect.poll(readFaults, SOON).toEqual([]);
    await expect(listRules(node, administrator, { pageToken: first.nextPageToken })).rejects.toMatchObject({
      code: INVALID_ARGUMENT,
      details: expect.stringMatching(/page_token: must be of the rules in force/),
    });
    await rm(folder, { recursive: true, force: true });
  });
});
