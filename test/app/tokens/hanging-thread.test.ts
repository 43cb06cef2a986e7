import { Session } from 'node:inspector';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { becomesTrue } from '../../counters/redis/waiting.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { TestNode } from '../../support/node.ts';

let node: TestNode;

beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
});
afterAll(() => node?.stop());

const askAnew = async () => check(node.decision, await node.signIn());

/** Runs code in every thread of this process, as a debugger does. */
function runInThreads(session: Session, expression: string): void {
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  });
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
}

it('while the thread that verifies tokens hangs they are answered 503, and another one takes its place', async () => {
  await becomesTrue(async () => httpStatus(await askAnew()) === 200);
  const session = new Session();
  session.connect();
  runInThreads(session, 'for (;;);');
  await becomesTrue(async () => parseDenial(await askAnew())?.code === 'verification_unavailable');
  session.disconnect();
  await expect.poll(async () => httpStatus(await askAnew()), { timeout: 40_000, interval: 500 }).toBe(200);
}, 60_000);
