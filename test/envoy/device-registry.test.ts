import { describe, expect } from 'vitest';
import { DeviceServiceService, UpdateDeviceRequest } from '../../src/generated/weir/admin/v1/device_service.ts';
import { hashDevice } from '../../src/identity/secrets/hash-device.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

const it = test.override('environment', { DEVICE_HEADER: 'x-device-id', DEVICE_REGISTRATION: 'auto' });

describe('the registry of devices behind Envoy', () => {
  it('registers a device, and denies it with 403 once it is blocked', async ({ node, envoy, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const send = async (...devices: readonly string[]) => {
      const headers = [['x-api-key', secret] as const, ...devices.map((device) => ['x-device-id', device] as const)];
      const { status, response } = await sendThrough(envoy, { path: '/orders', headers });
      return status === 200 ? 200 : [status, JSON.parse(response.body).error.code];
    };
    const list = async () => {
      const { accountId } = (await node.port.findKey(secret)) ?? expect.fail('the key is unknown');
      const request = { parent: `accounts/${accountId}`, pageSize: 0, pageToken: '', filter: '' };
      const { devices } = await node.admin.call(DeviceServiceService.listDevices, request, administrator);
      return devices.map(({ name }) => name);
    };
    expect([await send('phone'), await send('phone'), await send()]).toEqual([200, 200, 200]);
    await expect.poll(list).toHaveLength(1);
    const [name = ''] = await list();
    expect(name).toMatch(new RegExp(`^accounts/[^/]+/devices/${hashDevice('phone')}$`));
    const block = UpdateDeviceRequest.fromPartial({ device: { name, blocked: true, blockReason: 'lost' } });
    await node.admin.call(DeviceServiceService.updateDevice, block, administrator);
    expect(await send('phone')).toEqual([403, 'blocked_device']);
    expect(await send('tablet')).toBe(200);
    // A repeated header is another device, and not that of one of its values.
    expect(await send('phone', 'tablet')).toBe(200);
  });
});
