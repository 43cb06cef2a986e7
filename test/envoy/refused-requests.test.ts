import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test } from '../support/fixtures.ts';

/** The rules of the example with its penalty, which is a comment there. */
const RULES = readFileSync('envoy/devices/rules/edge.yaml', 'utf8').replaceAll(
  /^ {4}# (descriptors:| {2}[-k ].*)$/gm,
  '    $1',
);

const it = test.override({ rules: RULES, environment: { DEVICE_HEADER: 'x-device-id' } });

let addressCount = 100;
/** An address of this machine that no other test uses. */
const newAddress = () => `127.0.0.${++addressCount}`;

async function send(origin: string, localAddress: string, device: string | undefined, key: string) {
  const headers: [string, string][] = [['x-api-key', key]];
  if (device !== undefined) headers.push(['x-device-id', device]);
  const { status, response } = await sendThrough(origin, { path: '/orders', headers, localAddress });
  return { status, code: status === 200 ? undefined : JSON.parse(response.body).error.code, response };
}

async function sendGarbage(origin: string, address: string, device: string | undefined, times: number) {
  for (let sent = 0; sent < times; sent++) expect((await send(origin, address, device, 'garbage')).status).toBe(401);
}

describe('the penalty for refused requests in envoy/devices', () => {
  it('blocks a device at its address after four refusals, and no other device or address', async ({
    node,
    envoy,
    administrator,
  }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const address = newAddress();
    await sendGarbage(envoy, address, 'tablet', 4);
    await expect.poll(async () => (await send(envoy, address, 'tablet', secret)).code).toBe('rate_limited');
    const { status, response } = await send(envoy, address, 'tablet', secret);
    expect(status).toBe(429);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(30);
    expect((await send(envoy, address, 'phone', secret)).status).toBe(200);
    expect((await send(envoy, address, undefined, secret)).status).toBe(200);
    expect((await send(envoy, newAddress(), 'tablet', secret)).status).toBe(200);
  });

  it('blocks an address that is refused with ever new devices', async ({ node, envoy, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const address = newAddress();
    for (let device = 0; device < 31; device++) await sendGarbage(envoy, address, `device ${device}`, 1);
    await expect.poll(async () => (await send(envoy, address, 'another', secret)).code).toBe('rate_limited');
    expect((await send(envoy, newAddress(), 'another', secret)).status).toBe(200);
  });

  it('does not count requests that pass', async ({ node, envoy, administrator }) => {
    const { secret } = await node.createKey(administrator, 'enterprise');
    const address = newAddress();
    for (let sent = 0; sent < 10; sent++) expect((await send(envoy, address, 'phone', secret)).status).toBe(200);
  });
});
