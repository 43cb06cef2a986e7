// npm run demo: starts an upstream, Weir and a real Envoy in front of them, and prints calls to try.
// npm run demo -- --check: makes these calls itself, over HTTP/1.1 and HTTP/2, and fails if a response is not as
// expected.
import { AssertionError } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { ApiKey } from './admin-client.ts';
import { ALL_CHECKS, createCheckContext, PROTOCOLS } from './checks/all-checks.ts';
import { type DemoStack, FIVE_A_MINUTE, startDemoStack } from './demo-stack.ts';
import { ADMINISTRATOR } from './start-weir.ts';

async function runChecks(stack: DemoStack): Promise<boolean> {
  let failed = 0;
  for (const [protocol, send] of PROTOCOLS) {
    const context = createCheckContext(stack, stack.origin, send);
    for (const { name, run } of ALL_CHECKS) {
      try {
        await run(context);
        console.log(`ok      ${protocol} ${name}`);
      } catch (error) {
        failed++;
        console.log(`FAILED  ${protocol} ${name}\n${formatFailure(error)}`);
      }
    }
  }
  console.log(`${ALL_CHECKS.length * PROTOCOLS.length - failed} passed, ${failed} failed`);
  return failed === 0;
}

function formatFailure(error: unknown): string {
  if (!(error instanceof AssertionError)) return `        ${error}`;
  const format = (value: unknown) => inspect(value, { breakLength: Infinity, compact: true });
  return `        expected: ${format(error.expected)}\n        got:      ${format(error.actual)}`;
}

/** Each key is for one part of the calls. A key that has been used up would let later ones fail. */
async function printCallsToTry({ origin, adminAddress, admin }: DemoStack): Promise<readonly ApiKey[]> {
  const [key, otherKey] = [await admin.createKey(FIVE_A_MINUTE.id), await admin.createKey(FIVE_A_MINUTE.id)];
  console.log(`
Envoy listens on ${origin}. These keys have a plan of ${FIVE_A_MINUTE.requests} requests a minute each:

  KEY=${key.secret}
  OTHER_KEY=${otherKey.secret}

Without a key, the response is 401:
  curl -i ${origin}/orders
The upstream receives the identity of the key, and not the forged header. Four requests remain (x-ratelimit-remaining):
  curl -i -H "x-api-key: $KEY" -H 'x-weir-plan: enterprise' ${origin}/orders
Envoy's rate limit filter charges the same budget. Three requests remain:
  curl -i -H "x-api-key: $KEY" ${origin}/both/orders
Five requests of the other key pass, the sixth gets 429:
  for n in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{http_code}\\n' -H "x-api-key: $OTHER_KEY" ${origin}/orders; done
Its response says how many seconds to wait (retry-after):
  curl -i -H "x-api-key: $OTHER_KEY" ${origin}/orders
The admin API (sign in as ${ADMINISTRATOR.email} with the password ${ADMINISTRATOR.password}) lists its services:
  grpcurl -plaintext ${adminAddress} list

Press Ctrl-C to stop everything. The demo then shows the usage of the keys.`);
  return [key, otherKey];
}

/** Weir writes usage once a second here. */
const USAGE_DELAY_MS = 2_000;

async function printUsage({ admin }: DemoStack, keys: readonly ApiKey[]): Promise<void> {
  await sleep(USAGE_DELAY_MS);
  for (const [index, key] of keys.entries()) {
    const usage = await admin.getUsage(key);
    const { allowed = 0, rateLimited = 0, quotaExceeded = 0, denied = 0 } = usage ?? {};
    const name = index === 0 ? 'KEY' : 'OTHER_KEY';
    console.log(`usage of ${name}: ${allowed} allowed, ${rateLimited + quotaExceeded} over a limit, ${denied} denied`);
  }
}

const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve('interrupted'));
});

console.log('starting an upstream, Weir and Envoy …');
// A signal during the start ends this process at once. The servers that have started by then end with it.
const started = await Promise.race([startDemoStack(), interrupted]);
if (started === 'interrupted') process.exit(130);
try {
  if (process.argv.includes('--check')) {
    const passed = await Promise.race([runChecks(started), interrupted]);
    process.exitCode = passed === true ? 0 : 1;
  } else {
    const keys = await printCallsToTry(started);
    await interrupted;
    await printUsage(started, keys);
  }
} finally {
  await started.stop();
}
