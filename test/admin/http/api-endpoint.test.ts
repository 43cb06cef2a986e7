import { describe, expect, it } from 'vitest';
import { ApiEndpoint } from '../../../src/http/endpoints/api-endpoint.ts';
import { type ApiAnswer, ApiGate } from '../../../src/http/endpoints/api-gate.ts';
import { startHttpListener } from '../../../src/http/http-listener.ts';

const PATH = '/weir.admin.v1.PlanService/GetPlan';

/** Serves an endpoint whose calls the test answers. */
async function startEndpoint() {
  const gate = new ApiGate();
  const endpoint = new ApiEndpoint('/weir.', new Set(), gate);
  const { port, stop } = await startHttpListener({ address: { host: '127.0.0.1', port: 0 } }, endpoint.answer);
  const [arrived, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<ApiAnswer>()];
  gate.handleWith({
    findMaxBytes: () => 1024,
    answer: () => {
      arrived.resolve();
      return answered.promise;
    },
  });
  const call = () =>
    fetch(`http://127.0.0.1:${port}${PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
  return { gate, call, arrived: arrived.promise, answer: answered.resolve, stop };
}

describe('the endpoint of the admin API, when it stops', () => {
  it('finishes calls in progress, and answers 503 to further ones', async () => {
    const { gate, call, arrived, answer, stop } = await startEndpoint();
    const running = call();
    await arrived;
    const stopped = gate.stop({ graceMs: 60_000 });
    const late = await call();
    expect([late.status, (await late.json()) as object]).toEqual([
      503,
      expect.objectContaining({ code: 'unavailable' }),
    ]);
    answer({ status: 200 });
    expect((await running).status).toBe(200);
    await stopped;
    await stop();
  });

  it('waits no longer than its grace', async () => {
    const { gate, call, arrived, answer, stop } = await startEndpoint();
    const running = call();
    await arrived;
    await gate.stop({ graceMs: 1 });
    answer({ status: 200 });
    expect((await running).status).toBe(200);
    await stop();
  });
});
