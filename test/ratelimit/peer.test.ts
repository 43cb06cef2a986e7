import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../provision/free-port.ts';
import { type RunningRedis, startRedis } from '../../provision/redis.ts';
import { RateLimitUnit } from '../../src/generated/ratelimit/config/ratelimit/v3/rls_conf.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type AdsResource, AdsServer } from './ads-server.ts';
import { createRequest, createRuntimeRoot, RatelimitNode } from './ratelimit-node.ts';

/**
 * The program of envoyproxy/ratelimit, from `go build ./src/service_cmd` in its repository. Do not run this near the end
 * of an hour, when its windows end.
 */
const PROGRAM = process.env.PEER_RATELIMIT ?? '';

const FOLDER = 'test/app/rate-limit/envoyproxy/configurations';

const MODES = `
domain: modes
descriptors:
  - {key: quota, quota_mode: true, rate_limit: {unit: day, requests_per_unit: 1}}
  - {key: other, quota_mode: true, rate_limit: {unit: day, requests_per_unit: 2}}
  - {key: shadow, shadow_mode: true, rate_limit: {unit: day, requests_per_unit: 1}}
  - {key: named, rate_limit: {name: per user, unit: week, requests_per_unit: 10}}
  - {key: hits, rate_limit: {unit: week, requests_per_unit: 10}}
  - {key: zero, rate_limit: {unit: month, requests_per_unit: 0}}
  - {key: detailed, detailed_metric: true, rate_limit: {unit: year, requests_per_unit: 3}}
  - key: outer
    descriptors:
      - {key: inner, value: x, rate_limit: {unit: day, requests_per_unit: 5}}
`;

interface Peer {
  readonly json: number;
  readonly debug: number;
  readonly metrics: number;
  stop(): Promise<void>;
}

async function startPeer(environment: Readonly<Record<string, string>>): Promise<Peer> {
  const [json, grpc, debug, metrics] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const ports = {
    PORT: `${json}`,
    GRPC_PORT: `${grpc}`,
    DEBUG_PORT: `${debug}`,
    PROMETHEUS_ADDR: `127.0.0.1:${metrics}`,
  };
  const hosts = { HOST: '127.0.0.1', GRPC_HOST: '127.0.0.1', DEBUG_HOST: '127.0.0.1', STATS_FLUSH_INTERVAL: '1s' };
  const child: ChildProcess = spawn(PROGRAM, { env: { ...environment, ...ports, ...hosts }, stdio: 'ignore' });
  await waitUntil(() =>
    fetch(`http://127.0.0.1:${json}/healthcheck`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const stop = async () => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  };
  return { json, debug, metrics, stop };
}

let redis: RunningRedis;
let environment: Readonly<Record<string, string>>;
let peer: Peer;
let node: RatelimitNode;

/** Variables of each comparison, in addition to those of all. */
const VARIANTS: readonly Readonly<Record<string, string>>[] = [
  {},
  { SHADOW_MODE: 'true' },
  { NEAR_LIMIT_RATIO: '0.5', LIMIT_RESPONSE_HEADERS_ENABLED: 'false' },
];

async function startBoth(variant: Readonly<Record<string, string>>): Promise<void> {
  redis = await startRedis();
  const files = readdirSync(FOLDER).map((name) => [`rl/config/${name}`, readFileSync(path.join(FOLDER, name), 'utf8')]);
  environment = {
    RUNTIME_ROOT: await createRuntimeRoot({ ...Object.fromEntries(files), 'rl/config/sub/modes': MODES }),
    // Without it, envoyproxy/ratelimit has no rules.
    RUNTIME_SUBDIRECTORY: 'rl',
    REDIS_SOCKET_TYPE: 'tcp',
    REDIS_URL: `127.0.0.1:${redis.port}`,
    USE_STATSD: 'false',
    USE_PROMETHEUS: 'true',
    PROMETHEUS_ADDR: '127.0.0.1:0',
    LIMIT_RESPONSE_HEADERS_ENABLED: 'true',
    LIMIT_REMAINING_HEADER: 'x-left',
    ...variant,
  };
  peer = await startPeer(environment);
  node = await RatelimitNode.start(environment);
}

async function stopBoth(): Promise<void> {
  await node.stop();
  await peer.stop();
  await redis.stop();
}

/** Times to the end of a window differ if a second ends between the two answers. */
function withoutTimes(body: unknown): unknown {
  const text = JSON.stringify(body).replaceAll(/"\d+s"/g, (time) => roundTime(time));
  return JSON.parse(text, (key, value) => (key === 'value' && typeof value === 'string' ? roundTime(value) : value));
}

function roundTime(text: string): string {
  return text.replace(/\d+/, (digits) =>
    Number(digits) > 60 ? `about ${Math.round(Number(digits) / 60)} min` : digits,
  );
}

async function ask(port: number, request: object) {
  const response = await fetch(`http://127.0.0.1:${port}/json`, { method: 'POST', body: JSON.stringify(request) });
  const text = await response.text();
  return {
    status: response.status,
    body: response.ok || response.status === 429 ? withoutTimes(JSON.parse(text)) : '',
  };
}

async function compare(request: object): Promise<void> {
  const [theirs, ours] = [await ask(peer.json, request), await ask(node.ports.http, request)];
  expect(ours, JSON.stringify(request)).toEqual(theirs);
}

const SINGLE: readonly (readonly [domain: string, ...entries: string[]])[] = [
  ...['/v1/a', '/v1/users/a', '/v1/users/me', '/v2', '/v1/', '/v1', ''].map(
    (value) => ['wildcards', `path=${value}`] as const,
  ),
  ...['files/a', 'files/b'].map((value) => ['wildcards', `files=${value}`] as const),
  ...['10.0.0.1', '50.0.0.5', ''].map((value) => ['addresses', `remote_address=${value}`] as const),
  ...['users', 'default', 'other', ''].map((value) => ['databases', `database=${value}`] as const),
  ['messages', 'number=1'],
  ['messages', 'kind=marketing', 'number=1'],
  ['messages', 'number=1', 'kind=marketing'],
  ['depths', 'key=value'],
  ['depths', 'key=value', 'sub=x'],
  ['internal', 'ldap=x'],
  ['shadows', 'service=auth', 'user=user-a'],
  ['modes', 'quota=a'],
  ['modes', 'shadow=a'],
  ['modes', 'named=a'],
  ['modes', 'zero=a'],
  ['modes', 'detailed=a.b:c'],
  ['modes', 'outer=a', 'inner=x'],
  ['unknown', 'a=b'],
  ['plans', 'account=a'],
];

describe.each(VARIANTS)('next to envoyproxy/ratelimit, with the same files and environment, and with %j', (variant) => {
  beforeAll(() => startBoth(variant));
  afterAll(stopBoth);

  it.for(SINGLE)('answers %j alike until it is over the limit', async ([domain, ...entries]) => {
    for (let sent = 0; sent < 7; sent++) await compare(createRequest(domain, ...entries));
  });

  it('answers several descriptors alike', async () => {
    const several = (domain: string, ...lists: readonly (readonly string[])[]) => ({
      domain,
      descriptors: lists.flatMap((entries) => createRequest(domain, ...entries).descriptors),
    });
    for (let sent = 0; sent < 4; sent++) {
      await compare(several('databases', ['database=users'], ['database=other'], ['database=default']));
      await compare(several('modes', ['named=several'], ['zero=a'], ['named=other']));
      await compare(several('modes', ['quota=several'], ['other=several'], ['named=quota']));
      await compare(several('modes', ['shadow=several'], ['named=shadow']));
      await compare(several('modes', ['shadow=rejected'], ['zero=a'], ['other=rejected']));
      await compare(several('replacing', ['first=one', 'user=somebody'], ['second=two', 'user=somebody']));
      await compare(several('internal', ['azure=y'], ['ldap=y']));
    }
  });

  it('charges hits alike, also those that were spent already, and answers peeks alike', async () => {
    const request = (hitsAddend: number) => ({ ...createRequest('modes', 'hits=a'), hitsAddend });
    const peek = () => ({
      domain: 'modes',
      descriptors: [{ ...createRequest('modes', 'hits=a').descriptors[0], hitsAddend: '0' }],
    });
    for (const hits of [4, 4, 0, 2, 5, 1]) {
      await compare(peek());
      await compare(request(hits));
    }
    await compare(peek());
  });

  it('applies limits of descriptors alike', async () => {
    const overridden = (requestsPerUnit: number) => ({
      domain: 'modes',
      descriptors: [{ entries: [{ key: 'any', value: 'x' }], limit: { requestsPerUnit, unit: 'HOUR' } }],
    });
    for (const requests of [2, 2, 2, 5]) await compare(overridden(requests));
  });

  it('refuses invalid requests alike', async () => {
    for (const request of [{}, { domain: 'modes' }, { domain: '', descriptors: [] }, { unknown: 1 }])
      await compare(request);
  });

  it('shows the same rules at /rlconfig', async () => {
    const read = async (port: number) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/rlconfig`)).text();
      return text.split('\n').sort();
    };
    expect(await read(node.ports.debug)).toEqual(await read(peer.debug));
  });

  it('has the same metrics, with the same names and labels', async () => {
    const read = async (port: number) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return (
        text
          .split('\n')
          .filter((line) =>
            /^ratelimit_service_(?:rate_limit_(?:total_hits|over_limit|near_limit|within_limit|shadow_mode)|config_load)/.test(
              line,
            ),
          )
          .map((line) =>
            line.replace(
              /\{(.*)\}/,
              (_, labels: string) =>
                `{${labels
                  .split(',')
                  .filter((label) => !label.endsWith('""'))
                  .sort()
                  .join(',')}}`,
            ),
          )
          .filter((line) => !line.endsWith(' 0'))
          // Known differences: part of several hits that are over the limit, and the name of an override.
          .filter((line) => !/key1="hits"|key1="any/.test(line))
          .sort()
      );
    };
    // The peer writes its counts once a second.
    await waitUntil(async () => (await read(peer.metrics)).length > 5);
    let theirs: readonly string[] = [];
    await waitUntil(async () => {
      const before = theirs;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      theirs = await read(peer.metrics);
      return before.length > 0 && before.join() === theirs.join();
    });
    const port = node.ports.prometheus ?? 0;
    expect(await read(port)).toEqual(theirs);
  });
});

// There, a request that is over one limit still charges that limit. Weir charges none.
describe('next to envoyproxy/ratelimit, with STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT', () => {
  beforeAll(() => startBoth({ STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: 'true' }));
  afterAll(stopBoth);

  it.for(SINGLE)('answers %j alike until it is over the limit', async ([domain, ...entries]) => {
    for (let sent = 0; sent < 7; sent++) await compare(createRequest(domain, ...entries));
  });
});

const VERSIONS: readonly [version: string, resources: AdsResource[], isAccepted: boolean][] = [
  ['1', [createConfig('one', 2), createConfig('two', 0)], true],
  ['2', [createConfig('three', 0), { ...createConfig('four', 0), descriptors: [{ key: '' }] }], false],
  ['3', [createConfig('two', 1), { ...createConfig('two', 1), name: 'again' }], false],
  ['4', [createConfig('two', 3)], true],
  ['5', [], true],
];

describe('next to envoyproxy/ratelimit, with rules over xDS', () => {
  const servers: AdsServer[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    servers.push(await AdsServer.start(), await AdsServer.start());
    const [theirs, ours] = servers.map((server) => ({
      CONFIG_TYPE: 'GRPC_XDS_SOTW',
      CONFIG_GRPC_XDS_SERVER_URL: `127.0.0.1:${server.port}`,
      FORCE_START_WITHOUT_INITIAL_CONFIG: 'true',
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: `127.0.0.1:${redis.port}`,
      USE_STATSD: 'false',
    }));
    peer = await startPeer(theirs ?? {});
    node = await RatelimitNode.start(ours ?? {});
  });
  afterAll(async () => {
    await stopBoth();
    for (const server of servers) server.stop();
  });

  it.each(VERSIONS)('takes version %s as it does', async (version, resources, isAccepted) => {
    const answers = await Promise.all(servers.map((server) => server.publish(version, resources)));
    expect(answers.map(({ errorDetail }) => errorDetail === undefined)).toEqual([isAccepted, isAccepted]);
    const [theirs, ours] = answers;
    expect([ours?.versionInfo, ours?.responseNonce]).toEqual([theirs?.versionInfo, theirs?.responseNonce]);
    for (const domain of ['one', 'two', 'three', 'four']) {
      for (let sent = 0; sent < 3; sent++) await compare(createRequest(domain, `user=${version}`));
    }
  });
});

function createConfig(domain: string, requestsPerUnit: number) {
  const rateLimit = { unit: RateLimitUnit.DAY, requestsPerUnit, name: `limit of ${domain}` };
  return { name: domain, domain, descriptors: [{ key: 'user', rateLimit, detailedMetric: true }] };
}
