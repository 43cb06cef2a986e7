import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, createCertificates } from '../../provision/certificates.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { readRatelimitConfig } from '../../src/config/ratelimit/ratelimit-config.ts';
import { CHART_CASES, listSecretFiles, type Pod, readChartObjects, readPods } from './chart-objects.ts';

const SECRETS: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://weir:secret@postgres:5432/weir',
  KEY_PEPPER: 'a pepper of many characters',
  KEY_PEPPER_PREVIOUS: 'an earlier pepper\nnone',
  SIGNING_KEY_SECRET: 'a'.repeat(64),
  ADMIN_PASSWORD: 'correct horse battery staple',
};
const ROOT = '/etc/weir/';
const pods = CHART_CASES.flatMap((name) => readPods(name).map(([owner, pod]) => [`${name}: ${owner}`, pod] as const));
const nodes = pods.filter(([, pod]) => pod.containers[0].args[0] === 'serve');
const configured = pods.filter(([, pod]) => pod.containers[0].args[0] !== 'ratelimit');

let folder: string;
let certificates: Certificates;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-chart-'));
  certificates = await createCertificates();
});
afterAll(async () => {
  await certificates.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Makes the files that a pod mounts below /etc/weir, and returns their folder. */
async function mountFiles(pod: Pod): Promise<string> {
  const root = await mkdtemp(path.join(folder, 'pod-'));
  const [{ env, volumeMounts }] = pod.containers;
  const usesRedisTls = env.some(({ name }) => name === 'REDIS_TLS_CA_FILE');
  for (const { mountPath } of volumeMounts.filter((mount) => mount.mountPath.startsWith(ROOT))) {
    const mounted = path.join(root, path.relative(ROOT, mountPath));
    await mkdir(mounted);
    if (!mountPath.endsWith('tls')) continue;
    await copyFile(certificates.caFile, path.join(mounted, 'ca.crt'));
    await copyFile(certificates.certFile, path.join(mounted, 'tls.crt'));
    await copyFile(certificates.keyFile, path.join(mounted, 'tls.key'));
  }
  for (const name of listSecretFiles(pod)) {
    const redisUrl = usesRedisTls ? 'rediss+cluster://weir:secret@redis-0:6379,redis-1' : 'redis://:secret@redis';
    await writeFile(path.join(root, 'secrets', name), name === 'REDIS_URL' ? redisUrl : (SECRETS[name] ?? ''));
  }
  return root;
}

/** Reads the configuration as Weir does in the pod. */
async function readPodConfig(pod: Pod): Promise<Config> {
  const root = await mountFiles(pod);
  const variables = pod.containers[0].env.map(({ name, value }) => [name, value.replace(ROOT, `${root}/`)]);
  return readConfig({ ...Object.fromEntries(variables), KUBERNETES_SERVICE_HOST: '10.96.0.1' });
}

describe('a pod of the chart', () => {
  it.each(configured)(
    '%s has an environment that Weir reads, with a warning only if it has no TLS',
    async (_name, pod) => {
      const { warnings, unsetSecrets, databaseUrl, tls, role } = await readPodConfig(pod);
      const isAdminInClear = pod.containers[0].args[0] === 'serve' && tls.admin === undefined;
      // A node that only decides has no admin API over HTTP.
      const inClear = role === 'decision' ? ['ADMIN_TLS_CERT_FILE'] : ['ADMIN_TLS_CERT_FILE', 'HTTP_TLS_CERT_FILE'];
      const expected = isAdminInClear ? inClear : [];
      expect(warnings.map(({ fields }) => fields.variable)).toEqual(expected);
      expect(databaseUrl).toContain('postgres://');
      if (pod.containers[0].args[0] === 'serve') expect(unsetSecrets).toBeUndefined();
    },
  );

  it.each(nodes)('%s is killed only after Weir has had its time to stop', async (_name, pod) => {
    const { shutdown } = await readPodConfig(pod);
    expect(shutdown.timeoutMs).toBeLessThan((pod.terminationGracePeriodSeconds ?? 0) * 1000);
    expect(shutdown.delayMs).toBeGreaterThan(0);
  });

  it.each(nodes)('%s listens on the ports that it declares', async (_name, pod) => {
    const { decisionAddress, adminAddress, httpAddress, metricsAddress, role } = await readPodConfig(pod);
    const addresses = [adminAddress, httpAddress, metricsAddress, ...(role === 'admin' ? [] : [decisionAddress])];
    const declared = pod.containers[0].ports?.map(({ containerPort }) => containerPort) ?? [];
    expect(addresses.map((address) => address?.port).sort()).toEqual(declared.toSorted());
    expect(addresses.every((address) => address?.host === '0.0.0.0')).toBe(true);
    expect(declared).toContain(pod.containers[0].readinessProbe?.grpc?.port ?? metricsAddress?.port);
  });

  it.each(nodes)('%s admits nobody to sign up, and requires its secrets', async (_name, pod) => {
    expect((await readPodConfig(pod)).registration).toBe('closed');
    expect(pod.containers[0].env).toContainEqual({ name: 'REQUIRE_SECRETS', value: 'true' });
  });

  it.each(pods)('%s runs without privileges and cannot call Kubernetes', (_name, pod) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it.each(pods)('%s mounts exactly its volumes', (_name, { containers: [{ volumeMounts }], volumes }) => {
    expect(volumeMounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
  });
});

describe('the chart with roles: ratelimit', () => {
  const [[, pod]] = readPods('ratelimit') as [readonly [string, Pod]];
  const [{ env, ports, volumeMounts }] = pod.containers;

  it('has an environment that weir ratelimit reads, without warnings', () => {
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const { rules, warnings, node } = readRatelimitConfig({ ...variables, REDIS_URL: 'redis:6379' });
    expect(warnings).toEqual([]);
    expect(rules.source).toEqual({ path: '/etc/weir/rules' });
    expect(volumeMounts.map(({ mountPath }) => mountPath)).toContain('/etc/weir/rules');
    expect(ports?.map(({ containerPort }) => containerPort)).toContain(node.decisionAddress.port);
    expect(node.shutdown.timeoutMs).toBeLessThan((pod.terminationGracePeriodSeconds ?? 0) * 1000);
  });

  it('has no admin API and nothing of Postgres', () => {
    const objects = readChartObjects('ratelimit');
    expect(objects.map(({ kind }) => kind)).not.toContain('Job');
    const services = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
    expect(services).toEqual(['weir-decision', 'weir-metrics']);
    expect(env.find(({ name }) => name.startsWith('DATABASE'))).toBeUndefined();
  });
});

describe('the chart with roles: split', () => {
  const common = ['DATABASE_URL', 'KEY_PEPPER', 'REDIS_URL'];
  const readSecrets = (name: string) =>
    Object.fromEntries(readPods(name).map(([owner, pod]) => [owner, listSecretFiles(pod).toSorted()]));

  it('gives each role only the secrets that it needs', () => {
    expect(readSecrets('split-roles')).toEqual({
      'weir-decision': common,
      'weir-admin': ['ADMIN_PASSWORD', ...common, 'SIGNING_KEY_SECRET'],
      'weir-migrate': ['DATABASE_URL'],
    });
  });

  it('gives nodes that decide the secret with which they verify tokens of HS256', () => {
    expect(readSecrets('redis-cluster')['weir-decision']).toEqual([...common, 'SIGNING_KEY_SECRET']);
  });
});

describe('Services of the chart', () => {
  it.each(CHART_CASES)('%s: select pods that have their ports', (name) => {
    const objects = readChartObjects(name);
    const templates = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
    for (const { spec, metadata } of objects.filter(({ kind }) => kind === 'Service')) {
      const selected = templates.filter(({ spec: { template } }) =>
        Object.entries(spec.selector).every(([label, value]) => template.metadata.labels[label] === value),
      );
      const ports = selected.map(({ spec: { template } }) =>
        template.spec.containers[0].ports?.map((port) => port.name),
      );
      expect(ports, metadata.name).not.toEqual([]);
      for (const { targetPort } of spec.ports) expect(ports.every((names) => names?.includes(targetPort))).toBe(true);
    }
  });
});
