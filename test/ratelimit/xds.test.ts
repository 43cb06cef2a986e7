import { readFileSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createCertificates } from '../../provision/certificates.ts';
import { RateLimitUnit } from '../../src/generated/ratelimit/config/ratelimit/v3/rls_conf.ts';
import type { Logger } from '../../src/interfaces/logger.ts';
import { waitUntil } from '../support/wait-until.ts';
import { AdsServer } from './ads-server.ts';
import { createRequest, RatelimitNode } from './ratelimit-node.ts';

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(port?: number): Promise<AdsServer> {
  const server = await AdsServer.start(port);
  cleanups.push(() => server.stop());
  return server;
}

function startNode(
  server: AdsServer,
  environment: Readonly<Record<string, string>> = {},
  log?: Logger,
): Promise<RatelimitNode> {
  const settings = {
    CONFIG_TYPE: 'GRPC_XDS_SOTW',
    CONFIG_GRPC_XDS_SERVER_URL: `127.0.0.1:${server.port}`,
    CONFIG_GRPC_XDS_NODE_ID: 'envoy-ratelimit',
    CONFIG_GRPC_XDS_NODE_METADATA: 'zone=a',
    CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS: 'x-team:edge',
    XDS_CLIENT_BACKOFF_INITIAL_INTERVAL: '100ms',
    ...environment,
  };
  const starting = RatelimitNode.start(settings, log);
  cleanups.push(async () => (await starting).stop());
  return starting;
}

class CollectingLog implements Logger {
  text = '';
  readonly info = (fields: object, message: string) => this.#add(fields, message);
  readonly warn = this.info;
  readonly error = this.info;

  #add(fields: object, message: string): void {
    this.text += `${message} ${JSON.stringify(fields)}\n`;
  }
}

/** Rules that reject every request of a domain. */
function forbid(domain: string, unit: RateLimitUnit = RateLimitUnit.HOUR) {
  return { name: domain, domain, descriptors: [{ key: 'user', rateLimit: { unit, requestsPerUnit: 0 } }] };
}

async function isForbidden(node: RatelimitNode, domain: string): Promise<boolean> {
  return (await node.ask(createRequest(domain, 'user=a'))).status === 429;
}

describe('rules from an xDS server', () => {
  it('are waited for at the start, accepted, rejected with their faults, and removed', async () => {
    const server = await startServer();
    const starting = startNode(server);
    const accepted = await server.publish('1', [forbid('one'), forbid('two')]);
    expect(accepted).toMatchObject({ versionInfo: '1', responseNonce: '1', errorDetail: undefined });
    const [first] = server.requests;
    expect(first).toMatchObject({ versionInfo: '', node: { id: 'envoy-ratelimit', metadata: { zone: 'a' } } });
    expect(server.headers['x-team']).toBe('edge');
    const node = await starting;
    expect([await isForbidden(node, 'one'), await isForbidden(node, 'two')]).toEqual([true, true]);

    const rejected = await server.publish('2', [forbid('three'), forbid('four', RateLimitUnit.UNKNOWN)]);
    expect(rejected).toMatchObject({ versionInfo: '1', responseNonce: '2', errorDetail: { code: 3 } });
    expect(rejected.errorDetail?.message).toContain('four:1:');
    expect(rejected.errorDetail?.message).toContain('rate_limit.unit: must be one of second');
    expect([await isForbidden(node, 'one'), await isForbidden(node, 'three')]).toEqual([true, false]);

    const twice = await server.publish('3', [forbid('one'), { ...forbid('one'), name: 'again' }]);
    expect(twice.errorDetail?.message).toContain('domain: must not be in two files ("one" is also in one)');

    expect(await server.publish('4', [forbid('two')])).toMatchObject({ versionInfo: '4' });
    expect([await isForbidden(node, 'one'), await isForbidden(node, 'two')]).toEqual([false, true]);
    const { body } = await node.get('debug', '/metrics');
    expect(body).toContain('ratelimit_service_config_load_success 2\n');
    expect(body).toContain('ratelimit_service_config_load_error 2\n');

    expect(await server.publish('5', [])).toMatchObject({ versionInfo: '5' });
    expect(await isForbidden(node, 'two')).toBe(false);
  });

  it('stay in force while the server is away, and follow it once it is back', async () => {
    const server = await startServer();
    const starting = startNode(server);
    await server.publish('1', [forbid('one')]);
    const node = await starting;
    server.stop();
    expect(await isForbidden(node, 'one')).toBe(true);
    const restarted = await startServer(server.port);
    // The same version as before, of other rules.
    await restarted.publish('1', [forbid('two')]);
    expect(restarted.requests[0]).toMatchObject({ versionInfo: '', node: { id: 'envoy-ratelimit' } });
    expect([await isForbidden(node, 'one'), await isForbidden(node, 'two')]).toEqual([false, true]);
  });

  it('come over mutual TLS, from a server whose certificate has the name that the settings demand', async () => {
    const certificates = await createCertificates({ names: 'DNS:envoy-gateway' });
    cleanups.push(() => certificates.remove());
    const { caFile, certFile, keyFile } = certificates;
    const [ca, cert, key] = [readFileSync(caFile), readFileSync(certFile), readFileSync(keyFile)];
    const credentials = ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true);
    const server = await AdsServer.start(0, credentials);
    cleanups.push(() => server.stop());
    const tls = {
      FORCE_START_WITHOUT_INITIAL_CONFIG: 'true',
      CONFIG_GRPC_XDS_SERVER_URL: `localhost:${server.port}`,
      CONFIG_GRPC_XDS_SERVER_USE_TLS: 'true',
      CONFIG_GRPC_XDS_SERVER_TLS_CACERT: caFile,
      CONFIG_GRPC_XDS_CLIENT_TLS_CERT: certFile,
      CONFIG_GRPC_XDS_CLIENT_TLS_KEY: keyFile,
    };
    const log = new CollectingLog();
    await startNode(server, tls, log); // verifies localhost, which the certificate does not have
    await waitUntil(() => log.text.includes('the stream of rules ended'));
    expect(server.requests).toEqual([]);
    const node = await startNode(server, { ...tls, CONFIG_GRPC_XDS_SERVER_TLS_SAN: 'envoy-gateway' });
    await server.publish('1', [forbid('one')]);
    await waitUntil(() => isForbidden(node, 'one'));
  });

  it('are not waited for with FORCE_START_WITHOUT_INITIAL_CONFIG', async () => {
    const server = await startServer();
    const node = await startNode(server, { FORCE_START_WITHOUT_INITIAL_CONFIG: 'true' });
    expect(await isForbidden(node, 'one')).toBe(false);
    await server.publish('1', [forbid('one')]);
    await waitUntil(() => isForbidden(node, 'one'));
  });
});
