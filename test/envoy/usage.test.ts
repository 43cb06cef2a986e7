import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import type { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { CreateWebhookRequest, WebhookServiceService } from '../../src/generated/weir/admin/v1/webhook_service.ts';
import { GrpcClient, type Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMINISTRATOR } from '../support/node.ts';
import { WebhookReceiver } from '../support/servers/webhook-receiver.ts';
import { ClientLedger, type Counts, type LossWindow } from './usage/client-ledger.ts';
import { CLEAN_DISRUPTIONS, type Disruption, KILLS, SHORT_DISRUPTIONS } from './usage/disruptions.ts';
import { addModelRoute, Load, type LoadKeys } from './usage/load.ts';
import { exportUsage, findDifferences, queryUsage, sumEvents } from './usage/recorded-usage.ts';
import { UsageNodes } from './usage/usage-nodes.ts';

/** `npm run test:usage` sets it for a long run. undefined: few disruptions, each once. */
const SECONDS = process.env.USAGE_TEST_SECONDS;
const PAUSE_MS = SECONDS === undefined ? 700 : 3000;
const TEST_MS = (Number(SECONDS ?? 0) * 1000) / 2;
const LIMIT = 50;
const TIMEOUT_MS = 90_000;

let databaseUrl: string;
let nodes: UsageNodes;
let receiver: WebhookReceiver;
let client: GrpcClient;
let admin: Headers;
let keys: LoadKeys;

beforeEach(async () => {
  databaseUrl = await newDatabase();
  receiver = await WebhookReceiver.start();
  nodes = await UsageNodes.start(databaseUrl, { WEBHOOK_PRIVATE_HOSTS: '127.0.0.1' });
  client = new GrpcClient(nodes.nodes[0].ports.admin);
  const { accessToken } = await client.call(AuthServiceService.login, ADMINISTRATOR);
  admin = { authorization: `Bearer ${accessToken}` };
  const webhook = CreateWebhookRequest.fromPartial({ webhook: { url: receiver.url, eventTypes: ['usage.*'] } });
  await client.call(WebhookServiceService.createWebhook, webhook, admin);
  const limited = await createKey({ name: 'own', requests: LIMIT, window: '1h', algorithm: 'sliding_window' });
  const tokens = { name: 'tokens', requests: 1_000_000_000, window: '1d', algorithm: 'calendar', settle: true };
  keys = { metered: [limited, await createKey(), 'wk_live_unknown'], model: await createKey(tokens) };
  await nodes.startEnvoy(addModelRoute);
}, 300_000);
afterEach(async () => {
  client?.close();
  await nodes?.stop();
  await receiver?.stop();
});

/** Creates a key with the limit, or with none. Returns its secret. */
async function createKey(limit?: Parameters<typeof Limit.fromPartial>[0]): Promise<string> {
  const limits = limit === undefined ? [] : [limit];
  const apiKey = { displayName: 'load', plan: 'plans/enterprise', limits };
  const request = CreateApiKeyRequest.fromPartial({ apiKey });
  return (await client.call(ApiKeyServiceService.createApiKey, request, admin)).secret;
}

/** Runs the load through all disruptions, at least once. Returns the load, and when usage may have been lost. */
async function disrupt(disruptions: readonly Disruption[], ledger: ClientLedger) {
  const load = Load.start(nodes.origin, keys, ledger);
  const windows: LossWindow[] = [];
  const end = performance.now() + TEST_MS;
  do {
    for (const { run } of disruptions) {
      await sleep(PAUSE_MS);
      const window = await run(nodes, PAUSE_MS);
      if (window !== undefined) windows.push(window);
    }
  } while (performance.now() < end);
  await sleep(PAUSE_MS);
  await load.stop();
  return { load, windows };
}

/** Expects query, events and export to have the same usage, within what the clients saw. Returns it. */
async function expectRecorded(ledger: ClientLedger, windows: readonly LossWindow[]): Promise<Counts> {
  const bounds = ledger.bounds(windows);
  const query = () => queryUsage(client, admin);
  await expect.poll(async () => findDifferences(await query(), bounds), { timeout: TIMEOUT_MS }).toEqual([]);
  // Nodes that stop write all that they have.
  const [first, second] = nodes.nodes;
  await Promise.all([first.stop(), second.stop()]);
  await first.start();
  const recorded = await query();
  expect(findDifferences(recorded, bounds)).toEqual([]);
  await expect.poll(() => sumEvents(receiver), { timeout: TIMEOUT_MS }).toEqual(recorded);
  expect(await exportUsage(databaseUrl, client, admin)).toEqual(recorded);
  return recorded;
}

describe('usage of two nodes behind an Envoy', () => {
  const options = { timeout: TEST_MS + 300_000 };
  it('is what clients saw, to the last request, while servers are away and nodes restart', options, async () => {
    const ledger = new ClientLedger();
    const { load, windows } = await disrupt(SECONDS === undefined ? SHORT_DISRUPTIONS : CLEAN_DISRUPTIONS, ledger);
    expect(load.failures).toEqual([]);
    const { allowed, refused, denied } = await expectRecorded(ledger, windows);
    expect(allowed).toBeGreaterThan(LIMIT);
    expect(refused).toBeGreaterThan(0);
    expect(denied).toBeGreaterThan(0);
  });

  it.skipIf(SECONDS === undefined)(
    'lacks at most the last interval of a node that is killed, whatever else is away',
    options,
    async () => {
      const ledger = new ClientLedger();
      const { windows } = await disrupt([...KILLS, ...CLEAN_DISRUPTIONS], ledger);
      await expectRecorded(ledger, windows);
      expect(windows.filter(({ loses }) => loses === 'everything').length).toBeGreaterThanOrEqual(KILLS.length);
    },
  );
});
