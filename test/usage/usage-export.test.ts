import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery, type Database, openDatabase } from '../../src/database/open-database.ts';
import { rollUpUsage } from '../../src/database/usage/roll-up.ts';
import {
  ExportUsageRequest,
  ExportUsageRequest_Format as Format,
  UsageServiceService,
} from '../../src/generated/weir/admin/v1/usage_service.ts';
import type { HourlyUsage } from '../../src/usage/pending-usage.ts';
import { writeUsage } from '../../src/usage/write-usage.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { TestNode } from '../support/node.ts';

const DAY_MS = 86_400_000;
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const formatDay = (daysAgo: number) => new Date(today - daysAgo * DAY_MS).toISOString().slice(0, 10);

let node: TestNode;
let admin: Headers;
let database: Database;
let sequence = 0;

beforeAll(async () => {
  const url = await newDatabase();
  database = await openDatabase({ url });
  for (const table of ['hour', 'day', 'month', 'correction']) {
    await query(`select create_time_partitions('usage_${table}', 'month', now() - interval '40 days', 3)`);
  }
  await query(`update usage_state set rolled_until = date_trunc('day', now(), 'UTC') - interval '5 days'`);
  // Before the node, which rolls up at its start.
  await write(makeRow(5, 'a'), makeRow(5, 'b', { route: '=1+1, "x"', denied: 2 }), makeRow(5, '', { planId: '' }));
  await write(makeRow(4, 'a'));
  await rollUpUsage(createQuery(database));
  node = await TestNode.start({ DATABASE_URL: url });
  admin = await node.signIn();
});
afterAll(async () => {
  await node?.stop();
  await database?.close(true);
});

const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(database)(sql, parameters);

const makeRow = (daysAgo: number, accountId: string, fields: Partial<HourlyUsage> = {}): HourlyUsage => ({
  hour: (today - daysAgo * DAY_MS) / 1000 + 3 * 3600,
  ...{ accountId, keyId: '', planId: 'free', route: '' },
  ...{ allowed: 1, rateLimited: 0, quotaExceeded: 0, denied: 0, hits: 1 },
  ...fields,
});

const write = (...rows: readonly HourlyUsage[]) =>
  writeUsage(createQuery(database), { node: 'n', sequence: ++sequence, rows });

async function exportAll(fields: Parameters<typeof ExportUsageRequest.fromPartial>[0]): Promise<string> {
  let content = '';
  let pageToken = '';
  do {
    const request = ExportUsageRequest.fromPartial({ parent: 'accounts/-', format: Format.JSON, ...fields, pageToken });
    const page = await node.admin.call(UsageServiceService.exportUsage, request, admin);
    content += page.content;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return content;
}

describe('an export of usage', () => {
  it('is the same for ever once its day is closed: late usage is a correction of the day on which it arrives', async () => {
    const before = await exportAll({ period: formatDay(5) });
    expect(
      before
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { account: '', plan: '', allowed: 1 },
      { account: 'accounts/a', plan: 'plans/free', allowed: 1, hits: 1, corrects: '' },
      { account: 'accounts/b', route: '=1+1, "x"', denied: 2 },
    ]);
    await write(makeRow(5, 'a', { allowed: 7, hits: 7 }));
    expect(await exportAll({ period: formatDay(5) })).toBe(before);
    expect(await exportAll({ period: formatDay(5), pageSize: 1 })).toBe(before);
    // As if today had ended.
    await query(`update usage_state set rolled_until = date_trunc('day', now(), 'UTC') + interval '1 day'`);
    const corrects = `${formatDay(5)}T03:00:00Z`;
    expect(await exportAll({ period: formatDay(0), parent: 'accounts/a' })).toBe(
      `${JSON.stringify({
        ...{ account: 'accounts/a', api_key: '', plan: 'plans/free', route: '' },
        ...{ allowed: 7, rate_limited: 0, quota_exceeded: 0, denied: 0, hits: 7, corrects },
      })}\n`,
    );
  });

  it('writes CSV with a header, and without formulas', async () => {
    expect(await exportAll({ period: formatDay(5), format: Format.CSV, pageSize: 2 })).toBe(
      [
        'account,api_key,plan,route,allowed,rate_limited,quota_exceeded,denied,hits,corrects',
        ',,,,1,0,0,0,1,',
        'accounts/a,,plans/free,,1,0,0,0,1,',
        `accounts/b,,plans/free,"'=1+1, ""x""",1,0,0,2,1,`,
        '',
      ].join('\r\n'),
    );
  });

  it.each([
    ['a period that is open', { period: formatDay(-2) }, 'period'],
    ['another text', { period: 'yesterday' }, 'period'],
    ['no format', { period: formatDay(5), format: Format.UNSPECIFIED }, 'format'],
  ])('rejects %s', async (_, fields, field) => {
    await expect(exportAll(fields)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: expect.stringContaining(field),
    });
  });

  it('publishes each row of a write as an event, once however often it is repeated', async () => {
    await query(
      `insert into webhook (id, url, event_types, sealed_secret, create_time, update_time)
       values ('w', 'https://example.com', '["usage.recorded", "usage.corrected"]', '', now(), now())`,
    );
    const flush = { node: 'n', sequence: ++sequence, rows: [makeRow(0, 'a'), makeRow(5, 'b')] };
    for (const _ of [1, 2]) await writeUsage(createQuery(database), flush);
    const events =
      await query(`select type, account, data->>'allowed' as allowed, data->>'corrects' is not null as corrects
      from outbox_event where type like 'usage.%' order by account`);
    // The test above has closed today.
    expect(events).toMatchObject([
      { type: 'usage.corrected', account: 'a', allowed: '1', corrects: true },
      { type: 'usage.corrected', account: 'b', allowed: '1', corrects: true },
    ]);
  });
});
