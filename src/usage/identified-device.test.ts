import { expect, it } from 'vitest';
import { DeviceTable } from '../catalog/model/device-table.ts';
import { formatDeviceKey } from '../domain/device.ts';
import { DeviceIdentifier, IdentifiedDevice } from './identified-device.ts';

const ID = '0'.repeat(32);
const OTHER_ID = '1'.repeat(32);

it('a header is hashed once, and each account has a device of its own', () => {
  const hashed: string[] = [];
  const identifier = new DeviceIdentifier((header) => {
    hashed.push(header);
    return ID;
  });
  const device = identifier.identify('ann', 'phone');
  expect(identifier.identify('ann', 'phone')).toBe(device);
  expect(identifier.identify('bob', 'phone')).toMatchObject({ accountId: 'bob', deviceId: ID, name: `bob/${ID}` });
  expect(identifier.identify('ann', 'phone')).toEqual(device);
  expect(hashed).toEqual(['phone']);
  identifier.identify('ann', 'x'.repeat(65));
  identifier.identify('ann', 'x'.repeat(65));
  expect(hashed).toHaveLength(3);
});

it('a device that was looked up before follows each change of the catalog, and a reload', () => {
  const table = new DeviceTable();
  const device = new IdentifiedDevice('ann', ID);
  const apply = (deviceId: string, blocked: boolean, createdAt: number) =>
    table.apply(formatDeviceKey({ accountId: 'ann', deviceId }), { blocked, createdAt });
  expect(device.findIn(table)).toBeUndefined();
  apply(ID, false, 2);
  expect(device.findIn(table)).toBe('known');
  expect([1, 2].map((count) => device.isAmongFirstIn(table, count))).toEqual([true, true]);
  apply(OTHER_ID, false, 1);
  expect([1, 2].map((count) => device.isAmongFirstIn(table, count))).toEqual([false, true]);
  apply(ID, true, 2);
  expect(device.findIn(table)).toBe('blocked');
  const reloaded = new DeviceTable();
  for (const deviceId of [OTHER_ID, OTHER_ID, OTHER_ID]) {
    reloaded.apply(formatDeviceKey({ accountId: 'ann', deviceId }), { blocked: false, createdAt: 1 });
  }
  expect(reloaded.version).toBe(table.version);
  expect(device.findIn(reloaded)).toBeUndefined();
});
