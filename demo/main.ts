// npm run demo: starts an upstream, Weir and a real Envoy in front of them, and prints calls to try.
// npm run demo -- --check: makes these calls itself, over HTTP/1.1 and HTTP/2, and fails if a response is not as
// expected.
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
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

async function printCallsToTry({ origin, adminAddress, admin }: DemoStack): Promise<void> {
  const { secret } = await admin.createKey(FIVE_A_MINUTE.id);
  console.log(`
Envoy listens on ${origin}. This key has a plan of ${FIVE_A_MINUTE.requests} requests a minute:

  KEY=${secret}

Without a key, the response is 401:
  curl -i ${origin}/orders
The upstream receives the identity of the key, and not the forged header:
  curl -i -H "x-api-key: $KEY" -H 'x-weir-plan: enterprise' ${origin}/orders
Five requests a minute pass; the next gets 429 with retry-after:
  for n in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{http_code}\\n' -H "x-api-key: $KEY" ${origin}/orders; done
Envoy's rate limit filter charges the same budget:
  curl -i -H "x-api-key: $KEY" ${origin}/both/orders
The admin API (${ADMINISTRATOR.email}, ${ADMINISTRATOR.password}):
  grpcurl -plaintext ${adminAddress} list

Press Ctrl-C to stop everything.`);
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
    await printCallsToTry(started);
    await interrupted;
  }
} finally {
  await started.stop();
}
