import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificates, createCertificates } from '../../provision/certificates.ts';
import type { Environment } from '../support/node.ts';
import { startWeirProcess } from '../support/weir-process.ts';
import { runWeir } from './run-weir.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates({ names: 'DNS:weir.example.com' });
});
afterAll(() => certificates.remove());

/** Starts a node that stops at the end of the test. */
async function startNode(environment: Environment) {
  const node = await startWeirProcess(environment);
  onTestFinished(async () => {
    await node.weir.stop();
  });
  return node;
}

describe('weir health', () => {
  it('exits 0 while the node serves, and 1 when it has stopped', async () => {
    const { weir, ports } = await startNode({});
    const environment = { DECISION_ADDRESS: `0.0.0.0:${ports.decision}` };
    const target = `127.0.0.1:${ports.decision}`;
    expect(await runWeir(['health'], environment)).toEqual({ code: 0, out: `${target}: serving\n`, err: '' });
    await weir.stop();
    const { code, out, err } = await runWeir(['health'], environment);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(new RegExp(`^${target}: .*ECONNREFUSED ${target}\\.\n$`));
  });

  it('presents the certificate of the node to a data plane that requires one', async () => {
    const { certFile, keyFile, caFile } = certificates;
    const tls = {
      DECISION_TLS_CERT_FILE: certFile,
      DECISION_TLS_KEY_FILE: keyFile,
      DECISION_TLS_CLIENT_CA_FILE: caFile,
    };
    const { ports } = await startNode(tls);
    const environment = { ...tls, DECISION_ADDRESS: `127.0.0.1:${ports.decision}` };
    expect(await runWeir(['health'], environment)).toMatchObject({ code: 0, err: '' });
    expect(await runWeir(['health'], { DECISION_ADDRESS: environment.DECISION_ADDRESS })).toMatchObject({ code: 1 });
  });

  it('asks the admin plane of a node without a data plane', async () => {
    const { ports } = await startNode({ WEIR_ROLE: 'admin' });
    const environment = { WEIR_ROLE: 'admin', ADMIN_ADDRESS: `127.0.0.1:${ports.admin}` };
    expect(await runWeir(['health'], environment)).toMatchObject({
      code: 0,
      out: `127.0.0.1:${ports.admin}: serving\n`,
    });
  });
});
