// npm run demo: an upstream, Weir and a real Envoy in front, and the calls to try.
// npm run demo -- --check: makes the calls itself, over HTTP/1.1 and HTTP/2, and fails if one answers otherwise.
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { checks, protocols, sceneOf } from './checks/all-checks.ts';
import { FIVE_A_MINUTE, startWorld, type World } from './demo-stack.ts';
import { ADMINISTRATOR } from './start-weir.ts';

async function runChecks(world: World): Promise<boolean> {
  let failed = 0;
  for (const [protocol, ask] of protocols) {
    const scene = sceneOf(world, world.origin, ask);
    for (const { name, run } of checks) {
      try {
        await run(scene);
        console.log(`ok      ${protocol} ${name}`);
      } catch (error) {
        failed++;
        console.log(`FAILED  ${protocol} ${name}\n${explained(error)}`);
      }
    }
  }
  console.log(`${checks.length * protocols.length - failed} passed, ${failed} failed`);
  return failed === 0;
}

function explained(error: unknown): string {
  if (!(error instanceof AssertionError)) return `        ${error}`;
  const written = (value: unknown) => inspect(value, { breakLength: Infinity, compact: true });
  return `        expected: ${written(error.expected)}\n        got:      ${written(error.actual)}`;
}

async function show({ origin, adminAddress, administrator }: World): Promise<void> {
  const { secret } = await administrator.createKey(FIVE_A_MINUTE.id);
  console.log(`
Envoy is at ${origin}. A key on a plan of ${FIVE_A_MINUTE.requests} a minute:

  KEY=${secret}

No key: 401.
  curl -i ${origin}/orders
What the upstream is told of the key, and what becomes of a lie:
  curl -i -H "x-api-key: $KEY" -H 'x-weir-plan: enterprise' ${origin}/orders
Five a minute, then 429 with retry-after:
  for n in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{http_code}\\n' -H "x-api-key: $KEY" ${origin}/orders; done
The same budget by Envoy's rate-limit filter:
  curl -i -H "x-api-key: $KEY" ${origin}/both/orders
The admin API (${ADMINISTRATOR.email}, ${ADMINISTRATOR.password}):
  grpcurl -plaintext ${adminAddress} list

Ctrl-C ends all of it.`);
}

const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve('interrupted'));
});

console.log('starting an upstream, Weir and Envoy …');
// Whoever will not wait for the start ends the process; what was started by then is ended with it.
const started = await Promise.race([startWorld(), interrupted]);
if (started === 'interrupted') process.exit(130);
try {
  if (process.argv.includes('--check')) {
    const passed = await Promise.race([runChecks(started), interrupted]);
    process.exitCode = passed === true ? 0 : 1;
  } else {
    await show(started);
    await interrupted;
  }
} finally {
  await started.stop();
}
