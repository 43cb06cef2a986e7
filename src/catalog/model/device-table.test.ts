import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDeviceKey } from '../../domain/device.ts';
import type { DeviceRow } from '../feed/catalog-rows.ts';
import { DeviceTable } from './device-table.ts';

const ACCOUNTS = ['', 'ann', 'corp:bob', '0f9a2f6e-6c83-4c6e-8f8e-0d1a5c6b7e8f'];
const toId = (number: number) => number.toString(16).padStart(32, '0');
const keyOf = (account: number, number: number) => ({ accountId: ACCOUNTS[account] ?? '', deviceId: toId(number) });

const change = fc.record({
  account: fc.nat(ACCOUNTS.length - 1),
  number: fc.nat(12),
  row: fc.option(fc.record({ blocked: fc.boolean(), createdAt: fc.integer({ min: 0, max: 5 }) })),
});

/** The devices that are not blocked, the first one first. */
const inOrder = (devices: ReadonlyMap<string, DeviceRow>, prefix: string) =>
  [...devices]
    .filter(([id, { blocked }]) => id.startsWith(prefix) && !blocked)
    .toSorted(([id, { createdAt }], [otherId, other]) => createdAt - other.createdAt || (id < otherId ? -1 : 1))
    .map(([id]) => id);

describe('the table of devices', () => {
  it('answers as a map of the same devices does, whatever is added, replaced and removed', () => {
    const property = fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const table = new DeviceTable();
      const devices = new Map<string, DeviceRow>();
      for (const { account, number, row } of changes) {
        const id = formatDeviceKey(keyOf(account, number));
        table.apply(id, row);
        if (row === null) devices.delete(id);
        else devices.set(id, row);
      }
      expect(new Map([...table.entries()].map(({ id, record }) => [id, record]))).toEqual(devices);
      for (const [account, accountId] of ACCOUNTS.entries()) {
        const prefix = formatDeviceKey({ accountId, deviceId: '' });
        const order = inOrder(devices, prefix);
        expect(table.unblockedCount(accountId)).toBe(order.length);
        expect(table.deviceCount(accountId)).toBe([...devices.keys()].filter((id) => id.startsWith(prefix)).length);
        for (let number = 0; number <= 12; number++) {
          const key = keyOf(account, number);
          const row = devices.get(formatDeviceKey(key));
          expect(table.find(key)).toBe(row === undefined ? undefined : row.blocked ? 'blocked' : 'known');
          const index = order.indexOf(formatDeviceKey(key));
          if (index >= 0)
            expect([1, 2, 3].map((count) => table.isAmongFirst(key, count))).toEqual(
              [1, 2, 3].map((count) => index < count),
            );
        }
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  it('ignores ids that are not those of devices', () => {
    const table = new DeviceTable();
    table.apply('ann', { blocked: true, createdAt: 1 });
    table.apply(`ann/${'g'.repeat(32)}`, { blocked: true, createdAt: 1 });
    expect([...table.entries()]).toEqual([]);
    expect(table.find({ accountId: 'ann', deviceId: 'not hex' })).toBeUndefined();
  });

  it('keeps times of today', () => {
    const table = new DeviceTable();
    const record = { blocked: false, createdAt: 1_796_000_000_123 };
    table.apply(formatDeviceKey(keyOf(1, 1)), record);
    expect([...table.entries()]).toEqual([{ id: formatDeviceKey(keyOf(1, 1)), record }]);
  });
});
