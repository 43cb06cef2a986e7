import { Session } from 'node:inspector';
import { expect } from 'vitest';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const it = test;

const checkNewToken = async (node: TestNode) => check(node.decision, await node.signIn());

/** Runs code in every thread of this process, as a debugger does. */
function runInThreads(session: Session, expression: string): void {
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  });
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
}

it('tokens are denied with 503 while the thread that verifies them hangs, until another thread replaces it', async ({
  node,
}) => {
  await waitUntil(async () => httpStatus(await checkNewToken(node)) === 200);
  const session = new Session();
  session.connect();
  runInThreads(session, 'for (;;);');
  await waitUntil(async () => parseDenial(await checkNewToken(node))?.code === 'verification_unavailable');
  session.disconnect();
  await expect.poll(async () => httpStatus(await checkNewToken(node)), { timeout: 40_000, interval: 500 }).toBe(200);
}, 60_000);
