import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RateLimitRequest, RateLimitServiceService } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { NODE_SECRETS } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess, WeirProcess } from '../../support/weir-process.ts';

const RULES = 'domain: shop\ndescriptors: [{ key: user, rate_limit: { requests: 1, window: 1h } }]\n';

const resources: (() => Promise<unknown>)[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-log-file-'));
  await writeFile(path.join(folder, 'rules.yaml'), RULES);
});
afterEach(async () => {
  for (const stop of resources.splice(0).reverse()) await stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(environment: Record<string, string>) {
  const started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: path.join(folder, 'rules.yaml'),
    ...NODE_SECRETS,
    DECISION_LOG: 'all',
    ...environment,
  });
  resources.push(async () => started.weir.hasExited || (await started.weir.stop()));
  const decision = new GrpcClient(started.ports.decision);
  resources.push(async () => decision.close());
  const ask = (user: string) => {
    const descriptors = [{ entries: [{ key: 'user', value: user }] }];
    const request = RateLimitRequest.fromPartial({ domain: 'shop', descriptors });
    return decision.call(RateLimitServiceService.shouldRateLimit, request, { 'x-request-id': `of ${user}` });
  };
  const readDropped = async () => {
    const text = await (await fetch(`http://127.0.0.1:${started.ports.http}/metrics`)).text();
    return Number(/^weir_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
  };
  return { ...started, ask, readDropped };
}

/** All lines of the log, from the oldest to the newest. */
async function readLog(): Promise<readonly Record<string, unknown>[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('weir.log'));
  const age = (name: string) => Number(name.slice('weir.log.'.length));
  const texts = await Promise.all(
    names.sort((left, right) => age(right) - age(left)).map((name) => readFile(path.join(folder, name), 'utf8')),
  );
  return texts
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('LOG_FILE', () => {
  it('takes the lines of both processes, whole and in order, and is replaced when it is full', async () => {
    const file = path.join(folder, 'weir.log');
    const { weir, ask, readDropped } = await start({ LOG_FILE: file, LOG_FILE_MAX_MB: '1', LOG_FILE_MAX_FILES: '9' });
    const CALLS = 5_500;
    for (let first = 0; first < CALLS; first += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, index) => ask(`u${first + index}`)));
    }
    await waitUntil(async () => (await readFile(file, 'utf8')).includes(`"of u${CALLS - 1}"`));
    expect(await readDropped()).toBe(0);
    expect(await weir.stop()).toBe(0);
    const lines = await readLog();
    expect(lines.filter(({ msg }) => msg === 'decision').map(({ request_id }) => request_id)).toHaveLength(CALLS);
    expect(new Set(lines.map(({ process }) => process))).toEqual(new Set(['control', 'decision']));
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped' });
    expect(weir.printed).toBe('');
    const names = (await readdir(folder)).filter((name) => name.startsWith('weir.log'));
    expect(names).toContain('weir.log.1');
    for (const name of names) expect((await stat(path.join(folder, name))).size).toBeLessThanOrEqual(1_000_000);
  });

  it('on a full disk stops no decision, and counts the lines that are lost', async () => {
    const { weir, ask, readDropped } = await start({ LOG_FILE: '/dev/full' });
    await ask('ada');
    await waitUntil(async () => (await readDropped()) > 1);
    expect(weir.printed).toContain('LOG_FILE: cannot be written (ENOSPC)');
    await ask('bob');
    expect(await weir.stop()).toBe(0);
  });

  it('that cannot be opened stops the start', async () => {
    const weir = new WeirProcess(['serve'], { LOG_FILE: path.join(folder, 'absent', 'weir.log') });
    expect(await weir.exited).toBe(78);
    expect(weir.printed).toContain('LOG_FILE: must be the path of a file that can be written (ENOENT)');
  });
});
