import { execFileSync } from 'node:child_process';
import { chmod, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { prepareDecisions } from '../../../src/app/decisions/prepare-decisions.ts';
import { buildApp } from '../../../src/app.ts';
import { readConfig } from '../../../src/config/config.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, type Environment, SIGNING_KEY_SECRET, TestNode } from '../../support/node.ts';
import { forwardPort, type PortForwarder } from '../../support/servers/forward-port.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const UNAVAILABLE = 14;

let folder: string;
let forwarder: PortForwarder;
let databaseUrl: string;
let secret: string;
const nodes: TestNode[] = [];
const lines: { fields: object; message: string }[] = [];
const line = (fields: object, message: string) => void lines.push({ fields, message });
const log = { info: line, warn: line, error: line };
const soon = { timeout: 20_000 };

const snapshotFile = () => path.join(folder, 'catalog-snapshot');

async function start(environment: Environment = {}): Promise<TestNode> {
  lines.length = 0;
  const node = await TestNode.start({ DATABASE_URL: databaseUrl, DATA_DIR: folder, ...environment }, log);
  nodes.push(node);
  return node;
}

async function stopNodes(): Promise<void> {
  for (const node of nodes.splice(0)) await node.stop();
}

/** Starts a node that cannot start from the snapshot, and ends its start. Returns the reason that it logs. */
async function readRefusal(environment: Environment = {}): Promise<string> {
  lines.length = 0;
  const stopping = new AbortController();
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    DATA_DIR: folder,
    SIGNING_KEY_SECRET,
    DECISION_ADDRESS: '127.0.0.1:0',
    ADMIN_ADDRESS: '127.0.0.1:0',
    HTTP_ADDRESS: '127.0.0.1:0',
    ...environment,
  });
  const starting = buildApp(config, log, prepareDecisions, stopping.signal);
  await waitUntil(() => lines.some(({ message }) => message === 'waiting for Postgres'));
  stopping.abort();
  await expect(starting).rejects.toThrow();
  const refusals = lines.filter(({ message }) => message === 'the snapshot of the catalog was refused');
  expect(refusals.length).toBeLessThanOrEqual(1);
  return JSON.stringify(refusals[0]?.fields ?? 'none');
}

beforeAll(async () => {
  folder = await createTemporaryFolder();
  const url = new URL(await newDatabase());
  forwarder = await forwardPort(Number(url.port));
  url.port = String(forwarder.port);
  url.hostname = '127.0.0.1';
  databaseUrl = url.href;
  const node = await start();
  ({ secret } = await node.createKey(await node.signIn(), 'free'));
  await stopNodes();
});
afterEach(async () => {
  await stopNodes();
  forwarder.open();
});
afterAll(async () => {
  await forwarder?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a node that starts while Postgres is away', () => {
  it('decides from the snapshot that it wrote at its last stop, and recovers by itself', async () => {
    forwarder.shut();
    const node = await start();
    expect((await node.fetch('/readyz')).status).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': `${secret.slice(0, -1)}x` }))).toBe(401);
    const status = await (await node.fetch('/status')).json();
    expect(status).toMatchObject({ ready: true, catalog: { source: 'snapshot', feedConnected: false } });
    expect(lines.map(({ message }) => message)).toContain('Postgres is away; started from the snapshot of the catalog');
    const login = await node.admin.callAndFail(AuthServiceService.login, ADMINISTRATOR);
    expect(login.code).toBe(UNAVAILABLE);

    forwarder.open();
    const readStatusReport = async () => (await node.fetch('/status')).json();
    await expect.poll(readStatusReport, soon).toMatchObject({ catalog: { source: 'postgres' } });
    const administrator = await vi.waitFor(() => node.signIn(), soon); // its keys are loaded by another process
    const created = await node.createKey(administrator, 'free');
    const readStatus = async () => httpStatus(await check(node.decision, { 'x-api-key': created.secret }));
    await expect.poll(readStatus, soon).toBe(200);
  });

  it('starts in the role decision as well', async () => {
    forwarder.shut();
    const node = await start({ WEIR_ROLE: 'decision' });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('decides from the snapshot when Postgres accepts connections and does not answer', async () => {
    forwarder.hang();
    const node = await start({ DATABASE_URL: `${databaseUrl}?connect_timeout=1` });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('restarts its decision process from the snapshot', async () => {
    const environment = { DATABASE_URL: databaseUrl, DATA_DIR: folder, SIGNING_KEY_SECRET };
    const { weir, ports } = await startWeirProcess(environment);
    forwarder.shut();
    const pid = weir.decisionPid;
    process.kill(pid ?? Number.NaN, 'SIGKILL');
    await waitUntil(() => weir.printed.includes('the decision process serves again'));
    const decision = new GrpcClient(ports.decision);
    expect(httpStatus(await check(decision, { 'x-api-key': secret }))).toBe(200);
    decision.close();
    expect(await weir.stop()).toBe(0);
  });

  it('ends the wait of the part that decides when it is stopped', async () => {
    lines.length = 0;
    const waiting = { DATABASE_URL: databaseUrl, DATA_DIR: path.join(folder, 'waiting') };
    const decisions = await prepareDecisions(readConfig(waiting), log);
    forwarder.shut();
    const starting = decisions.start({
      databaseUrl,
      signingKeySecret: undefined,
      keyPeppers: { current: '', former: [] },
    });
    await waitUntil(() => lines.some(({ message }) => message === 'waiting for Postgres'));
    await decisions.stop();
    await expect(starting).rejects.toThrow('aborted');
  });

  it('has no secret in the snapshot, which only its user can read', async () => {
    expect((await stat(snapshotFile())).mode & 0o777).toBe(0o600);
    const text = (await readFile(snapshotFile())).toString('latin1');
    for (const known of [secret, ADMINISTRATOR.password]) expect(text).not.toContain(known);
  });
});

describe('a snapshot is refused, and the node waits for Postgres,', () => {
  it('if it was written with other secrets, is damaged, cut short, or of another version', async () => {
    const intact = await readFile(snapshotFile());
    forwarder.shut();
    expect(await readRefusal({ SIGNING_KEY_SECRET: 'another signing key secret of tests' })).toMatch(/other secrets/);
    expect(await readRefusal({ KEY_PEPPER: 'a pepper of some length' })).toMatch(/other secrets/);
    const flipped = Buffer.from(intact);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 100) ^ 1, flipped.length - 100);
    await writeFile(snapshotFile(), flipped);
    expect(await readRefusal()).toMatch(/damaged/);
    await writeFile(snapshotFile(), intact.subarray(0, intact.length - 37));
    expect(await readRefusal()).toMatch(/ends too early/);
    await writeFile(snapshotFile(), intact.toString('latin1').replace('snapshot 0001', 'snapshot 0002'), 'latin1');
    expect(await readRefusal()).toMatch(/unknown version 2/);
    await writeFile(snapshotFile(), 'something else entirely, long enough to be read');
    expect(await readRefusal()).toMatch(/not a snapshot/);
    await writeFile(snapshotFile(), '');
    expect(await readRefusal()).toMatch(/ends too early/);
    await writeFile(path.join(folder, 'elsewhere'), intact);
    await rm(snapshotFile());
    execFileSync('mkfifo', [snapshotFile()]);
    expect(await readRefusal()).toMatch(/cannot be read/);
    await rm(snapshotFile());
    await symlink(path.join(folder, 'elsewhere'), snapshotFile());
    expect(await readRefusal()).toMatch(/cannot be read/);
    await rm(snapshotFile());
    expect(await readRefusal()).toBe('"none"');
    await writeFile(snapshotFile(), intact);
    await chmod(snapshotFile(), 0o600);
  });

  it('if it is older than CATALOG_MAX_STALENESS; its age counts on after a start from it', async () => {
    await start();
    await stopNodes();
    const stoppedAt = Date.now();
    forwarder.shut();
    await sleep(1_100);
    expect(await readRefusal({ CATALOG_MAX_STALENESS: '1' })).toMatch(/too old: \d+ seconds, at most 1/);
    const node = await start();
    const minAgeMs = Date.now() - stoppedAt;
    const { catalog } = (await (await node.fetch('/status')).json()) as { catalog: { ageSeconds: number } };
    expect(catalog.ageSeconds * 1000).toBeGreaterThanOrEqual(minAgeMs - 1);
    await stopNodes(); // which must not make the snapshot younger
    expect(await readRefusal({ CATALOG_MAX_STALENESS: '1' })).toMatch(/too old/);
  });
});
