import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findEnvoy } from '../../provision/programs/find-envoy.ts';

const run = promisify(execFile);
/** The library that Docker Compose reads its files with, as a command. In later versions this command has no variables. */
const COMPOSE_GO = 'github.com/compose-spec/compose-go/v2/cmd@v2.1.6';
const SCRIPT = path.resolve('scripts/compose-secrets.mjs');
const FILE = path.resolve('docker-compose.yml');

interface Service {
  readonly image: string;
  readonly restart?: string;
  readonly build?: unknown;
  readonly stop_grace_period?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-compose-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const makeSecrets = () => run(process.execPath, [SCRIPT], { cwd: folder });
const readSecrets = () => readFile(path.join(folder, '.env'), 'utf8');

/** Resolves docker-compose.yml as Compose does, with these variables. Rejects if it is invalid. */
async function resolveCompose(variables: NodeJS.ProcessEnv): Promise<Readonly<Record<string, Service>>> {
  const { PATH, HOME, GOPATH, GOCACHE, GOPROXY, GOFLAGS } = process.env;
  const env = { PATH, HOME, GOPATH, GOCACHE, GOPROXY, GOFLAGS, ...variables };
  const { stdout } = await run('go', ['run', COMPOSE_GO, FILE], { cwd: folder, env });
  return parse(stdout).services;
}

const parseSecrets = (text: string) =>
  Object.fromEntries([...text.matchAll(/^(\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]));

describe('npm run compose:secrets', () => {
  it('makes different secrets that only their owner can read', async () => {
    await makeSecrets();
    const values = Object.values(parseSecrets(await readSecrets()));
    expect(values.length).toBeGreaterThanOrEqual(5);
    expect(new Set(values).size).toBe(values.length);
    for (const value of values) expect(value).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(path.join(folder, '.env'))).mode & 0o777).toBe(0o600);
  });

  it('changes nothing when it runs again', async () => {
    const before = await readSecrets();
    expect((await makeSecrets()).stdout).toContain('nothing changed');
    expect(await readSecrets()).toBe(before);
  });

  it('never changes a file that lacks secrets, and names them', async () => {
    const before = await readSecrets();
    const own = 'LOG_LEVEL=debug\nCOMPOSE_KEY_PEPPER=\nCOMPOSE_ADMIN_PASSWORD=mine\n';
    await writeFile(path.join(folder, '.env'), own);
    const { code, stderr } = await makeSecrets().then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('COMPOSE_KEY_PEPPER');
    expect(stderr).not.toContain('COMPOSE_ADMIN_PASSWORD');
    expect(await readSecrets()).toBe(own);
    await writeFile(path.join(folder, '.env'), before);
  });

  it('writes a file that git ignores', async () => {
    expect((await readFile('.gitignore', 'utf8')).split('\n')).toContain('.env');
  });
});

describe('docker-compose.yml', () => {
  let secrets: Record<string, string>;
  let services: Readonly<Record<string, Service>>;
  beforeAll(async () => {
    secrets = parseSecrets(await readSecrets());
    services = await resolveCompose(secrets);
  }, 600_000);

  it('is refused without any one of the secrets, with the command that makes them', async () => {
    for (const name of Object.keys(secrets)) {
      const { [name]: _, ...others } = secrets;
      await expect(resolveCompose(others)).rejects.toThrow(
        `required variable ${name} is missing a value: run npm run compose:secrets first`,
      );
    }
  });

  it('has no password of its own', async () => {
    const withoutSecrets = (await readFile(FILE, 'utf8')).replaceAll(/\$\{COMPOSE_\w+:\?[^}]*\}/g, 'SECRET');
    const values = [...withoutSecrets.matchAll(/(?:PASSWORD|PEPPER|SECRET|AUTH): (.*)|:\/\/\w*:(.*)@/g)];
    expect(values.length).toBeGreaterThan(5);
    expect(values.map(([, value, inUrl]) => value ?? inUrl).filter((value) => value !== 'SECRET')).toEqual([]);
  });

  it('restarts every service, and pins the version of every image that it does not build', () => {
    for (const [name, { restart, image, build }] of Object.entries(services)) {
      expect([name, restart]).toEqual([name, 'unless-stopped']);
      if (build === undefined) expect(image).toMatch(/:v?\d+\.\d+(?:\.\d+)?(?:-slim)?$/);
    }
  });

  it('gives a node more time to stop than SHUTDOWN_TIMEOUT_MS', () => {
    for (const name of ['weir-1', 'weir-2']) expect(services[name]?.stop_grace_period).toBe('30s');
  });

  it('has two nodes that share everything but their data folder', () => {
    const [first, second] = [services['weir-1'], services['weir-2']];
    expect(first?.environment).toEqual(second?.environment);
    const dataVolumes = [first, second].map((node) => node?.volumes?.find(({ target }) => target === '/var/lib/weir'));
    expect(dataVolumes.map((volume) => volume?.source)).toEqual(['weir-1', 'weir-2']);
  });

  it('keeps the counters of Valkey in an append-only file on a volume', () => {
    expect(services.valkey?.command?.join(' ')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
    expect(services.valkey?.volumes).toMatchObject([{ type: 'volume', source: 'valkey', target: '/data' }]);
  });

  it('starts Envoy with envoy/envoy.yaml and the names of the services, which Envoy accepts', async () => {
    const [shell = '', option = '', script = ''] = services.envoy?.command ?? [];
    const [source, target] = [path.resolve('envoy/envoy.yaml'), path.join(folder, 'envoy.yaml')];
    const validate = script
      .replaceAll('/etc/weir/envoy.yaml', source)
      .replaceAll('/tmp/envoy.yaml', target)
      .replace('exec envoy', 'exec "$0" --mode validate --disable-hot-restart');
    const { stdout, stderr } = await run(shell, [option, validate, await findEnvoy()]);
    expect(stdout + stderr).toContain('OK');
    const { clusters } = parse(await readFile(target, 'utf8')).static_resources;
    const endpoints = clusters.flatMap((cluster: EnvoyCluster) =>
      cluster.load_assignment.endpoints.flatMap(({ lb_endpoints }) =>
        lb_endpoints.map(({ endpoint }) => Object.values(endpoint.address.socket_address).join(':')),
      ),
    );
    expect(endpoints).toEqual(['weir-1:8081', 'weir-2:8081', 'upstream:8090']);
  }, 600_000);
});

interface EnvoyCluster {
  readonly load_assignment: {
    readonly endpoints: readonly {
      readonly lb_endpoints: readonly {
        readonly endpoint: { readonly address: { readonly socket_address: Readonly<Record<string, unknown>> } };
      }[];
    }[];
  };
}
