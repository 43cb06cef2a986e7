import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { type EnvoyChange, setConnectionManagerField } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const NAMES = ['code', 'account', 'api_key', 'plan', 'rule', 'limit', 'remaining', 'request_id', 'source'] as const;

/** Writes the access log of envoy/envoy.yaml into a file instead of stdout. */
const writeAccessLog =
  (file: string): EnvoyChange =>
  (configuration) => {
    const type = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';
    setConnectionManagerField(['access_log', 0, 'typed_config', '@type'], type)(configuration);
    setConnectionManagerField(['access_log', 0, 'typed_config', 'path'], file)(configuration);
  };

const it = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('logFile', { scope: 'file' }, async ({}, { onCleanup }) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-access-log-'));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    return path.join(folder, 'access.log');
  })
  .extend('origin', { scope: 'file' }, ({ weir, logFile }) => weir.envoy(writeAccessLog(logFile)));

/** Reads the status and Weir's metadata from a line of the log. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  const entry = JSON.parse(line);
  return Object.fromEntries(['status', ...NAMES].map((name) => [name, entry[name]]));
}

describe('the access log of a real Envoy', () => {
  it('shows whose request was denied and why, for a 401, a 403 and a 429', async ({
    node,
    administrator,
    origin,
    logFile,
  }) => {
    await node.createPlan(administrator, 'single', 1);
    const limited = await node.createKey(administrator, 'single');
    const elsewhere = await node.createKey(administrator, 'free', { allowedNetworks: ['198.51.100.0/24'] });
    const send = async (secret: string) => {
      const { status } = await sendThrough(origin, { path: '/orders', headers: [['x-api-key', secret]] });
      return status;
    };
    const statuses: number[] = [];
    for (const secret of ['garbage', elsewhere.secret, limited.secret, limited.secret])
      statuses.push(await send(secret));
    expect(statuses).toEqual([401, 403, 200, 429]);
    // Envoy writes its log every 10 s.
    const readLines = async () => (await readFile(logFile, 'utf8')).trimEnd().split('\n');
    await expect.poll(async () => (await readLines()).length, { timeout: 20_000 }).toBe(4);
    const lines = (await readLines()).map(parseLine);
    const request_id = expect.stringMatching(/^[0-9a-f-]{36}$/);
    const absent = Object.fromEntries(NAMES.map((name) => [name, null]));
    const [keyOfLimited, keyOfElsewhere] = [limited, elsewhere].map(({ name }) => name.replace('apiKeys/', ''));
    const account = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(lines).toEqual([
      { ...absent, status: 401, code: 'malformed_credential', request_id, source: 'catalog' },
      {
        ...absent,
        status: 403,
        code: 'forbidden_network',
        account,
        api_key: keyOfElsewhere,
        plan: 'free',
        request_id,
        source: 'catalog',
      },
      {
        ...absent,
        status: 200,
        account,
        api_key: keyOfLimited,
        plan: 'single',
        remaining: '0',
        request_id,
        source: 'memory',
      },
      {
        status: 429,
        code: 'rate_limited',
        account,
        api_key: keyOfLimited,
        plan: 'single',
        rule: 'plans/single',
        limit: 'burst',
        remaining: '0',
        request_id,
        source: expect.stringMatching(/^(memory|local)$/),
      },
    ]);
  }, 60_000);
});
