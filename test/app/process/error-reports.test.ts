import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS, SIGNING_KEY_SECRET } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

const RULES = 'domain: shop\ndescriptors: [{ key: user, rate_limit: { requests: 1, window: 1h } }]\n';

interface Event {
  readonly message: string;
  readonly level: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const resources = new AsyncDisposableStack();
const received: { readonly url: string; readonly body: string; readonly event: Event }[] = [];
let folder: string;
let port: number;
let started: Awaited<ReturnType<typeof startWeirProcess>>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-error-reports-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'rules.yaml'), RULES);
  // To the client, a Sentry of one's own is a server that takes envelopes.
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const [, , event = '{}'] = body.split('\n');
    received.push({ url: request.url ?? '', body, event: JSON.parse(event) });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  resources.defer(async () => {
    server.close();
    server.closeAllConnections();
  });
  ({ port } = server.address() as AddressInfo); // a server that listens on TCP has such an address
  await writeFile(path.join(folder, 'dsn'), `http://known_public_key@127.0.0.1:${port}/42\n`);
  started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: path.join(folder, 'rules.yaml'),
    ...NODE_SECRETS,
    SENTRY_DSN_FILE: path.join(folder, 'dsn'),
  });
  resources.defer(async () => void (await started.weir.stop()));
}, 120_000);
afterAll(() => resources.disposeAsync());

const reports = (message: string) => received.filter(({ event }) => event.message === message);

describe('SENTRY_DSN', () => {
  it('gets the errors of the decision process, and nothing that the log does not have', async () => {
    await writeFile(path.join(folder, 'rules.yaml'), 'domain: shop\ndescriptors: 7\n');
    const message = 'rules reload failed; the previous rules stay in force';
    await waitUntil(() => reports(message).length === 1);
    const { url, event, body } = reports(message)[0] ?? { url: '', event: {} as Event, body: '' };
    expect(url).toMatch(/^\/api\/42\/envelope\/\?/);
    expect(event).toMatchObject({ level: 'error', tags: { process: 'decision' }, logger: 'weir' });
    expect(event.extra).toMatchObject({ faults: [expect.stringContaining('descriptors')] });
    for (const field of ['request', 'user', 'breadcrumbs', 'modules']) expect(event).not.toHaveProperty(field);
    for (const secret of [SIGNING_KEY_SECRET, ADMINISTRATOR.password, 'postgres://'])
      expect(body).not.toContain(secret);
  });

  it('gets a crash of the decision process from the control process', async () => {
    await writeFile(path.join(folder, 'rules.yaml'), RULES);
    await waitUntil(() => started.weir.printed.includes('rules reloaded'));
    const { decisionPid } = started.weir;
    process.kill(decisionPid ?? Number.NaN, 'SIGKILL');
    const message = 'the decision process ended; restarting it';
    await waitUntil(() => reports(message).length === 1);
    expect(reports(message)[0]?.event).toMatchObject({ tags: { process: 'control' }, extra: { signal: 'SIGKILL' } });
  });

  it('gets no line below an error', () => {
    expect(received.filter(({ event }) => !['error', 'fatal'].includes(event.level))).toEqual([]);
    expect(started.weir.printed).not.toContain('known_public_key');
  });
});
