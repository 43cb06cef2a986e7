import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { type OwnConnection, openConnection } from '../../../src/database/open-connection.ts';
import {
  AddCreditsRequest,
  type CounterSubject,
  CounterServiceService as Counters,
} from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { type NewApiKey, TestNode } from '../../support/node.ts';

const LIMITS = [
  { name: 'month', requests: 100, window: '1mo' },
  { name: 'trial', requests: 100, algorithm: 'credits' },
  { name: 'hour', requests: 100, window: '1h', algorithm: 'calendar' },
];

describe('quotas with counters in memory', () => {
  let url: string;
  let connection: OwnConnection;
  let node: TestNode;
  let administrator: Headers;
  let keys: readonly NewApiKey[];

  const subjectOf = ({ name }: NewApiKey): CounterSubject => ({ subject: { $case: 'apiKey', value: name } });
  const spend = async ({ secret }: NewApiKey, cost: number) => {
    const response = await check(node.decision, { 'x-api-key': secret }, { 'weir.cost': String(cost) });
    expect(httpStatus(response)).toBe(200);
  };
  const remaining = async (key: NewApiKey) => {
    const request = { subject: subjectOf(key), limit: '' };
    const { limits } = await node.admin.call(Counters.getCounter, request, administrator);
    return limits.map((counter) => counter.remaining);
  };
  /** Its counters are gone with its folder: only their checkpoints are left. */
  const replaceNode = async () => {
    await node.stop();
    node = await TestNode.start({ DATABASE_URL: url });
    administrator = await node.signIn();
  };

  beforeAll(async () => {
    url = await newDatabase();
    connection = openConnection({ url, timeoutMs: 30_000 });
    node = await TestNode.start({ DATABASE_URL: url });
    administrator = await node.signIn();
    const plan = { displayName: 'quotas', limits: LIMITS };
    const request = CreatePlanRequest.fromPartial({ planId: 'quotas', plan });
    await node.admin.call(PlanServiceService.createPlan, request, administrator);
    const fields = { plan: 'plans/quotas' };
    keys = await Promise.all(['a', 'b', 'c'].map(() => node.createKey(administrator, 'quotas', fields)));
  });
  afterAll(async () => {
    await node?.stop();
    await connection?.close();
  });

  it('are kept to the last hit by a clean stop and a start without the counters', async () => {
    const [one = expect.fail(), other = expect.fail(), topped = expect.fail()] = keys;
    await spend(one, 90);
    await spend(other, 3);
    await spend(topped, 30);
    const addition = AddCreditsRequest.fromPartial({ subject: subjectOf(topped), limit: 'trial', credits: 500 });
    await node.admin.call(Counters.addCredits, addition, administrator);
    await replaceNode();
    expect(await remaining(one)).toEqual([10, 10, 100]);
    expect(await remaining(other)).toEqual([97, 97, 100]);
    expect(await remaining(topped)).toEqual([70, 570, 100]);
    expect(httpStatus(await check(node.decision, { 'x-api-key': one.secret }, { 'weir.cost': '11' }))).toBe(429);
    await spend(one, 10);
    await replaceNode();
    expect(await remaining(one)).toEqual([0, 0, 100]);
  });

  it('are not brought back by checkpoints after an administrator has reset them', async () => {
    const [, , key = expect.fail()] = keys;
    await spend(key, 20);
    await node.admin.call(Counters.resetCounter, { subject: subjectOf(key), limit: 'month' }, administrator);
    const lowered = `select used::int from counter_checkpoint where limit_identity like 'month/%' and lower_time > 'epoch'`;
    expect(await connection.query(lowered, [])).toEqual([{ used: 0 }]);
    await replaceNode();
    expect(await remaining(key)).toEqual([100, 550, 100]);
  });

  it('are not charged twice where the file of the last stop has their counters as well', async () => {
    const [, key = expect.fail()] = keys;
    const before = await remaining(key);
    const folder = { DATA_DIR: await createTemporaryFolder() };
    for (let start = 0; start < 2; start++) {
      await node.stop();
      node = await TestNode.start({ DATABASE_URL: url, ...folder });
      administrator = await node.signIn();
    }
    expect(await remaining(key)).toEqual(before);
  });
});
