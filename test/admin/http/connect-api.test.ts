import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { ConnectApi } from '../../../src/admin/connect/connect-api.ts';
import { AdminCalls } from '../../../src/admin/server/admin-calls.ts';
import { PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';

/** Calls of a service whose response of GetPlan is malformed, and the lines that they log. */
function createApi() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'error' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const getPlan = { ...PlanServiceService.getPlan, responseSerialize: () => Buffer.from([0xff]) };
  const calls = new AdminCalls({
    services: [{ definition: { getPlan }, handlers: { getPlan: () => Promise.resolve({}) } }],
    contexts: { trustedProxies: [], deviceHeader: undefined },
    limitCalls: (service) => service,
    callEvents: undefined,
    recordCall: () => {},
    log,
  });
  return { api: new ConnectApi(calls, log), lines };
}

it.each(['GetPlan', 'GetNothing'])(
  'a bug while a call of %s is answered is logged with its request id, and answered with `internal`',
  async (method) => {
    const { api, lines } = createApi();
    const path = `/weir.admin.v1.PlanService/${method}`;
    const { status, body } = await api.answer({
      path,
      headers: new Headers({ 'content-type': 'application/json' }),
      body: Buffer.from('{}'),
      peer: '127.0.0.1',
      readHeader: (name) => (name === 'x-request-id' ? ['the-request'] : []),
      signal: new AbortController().signal,
    });
    expect(status).toBe(500);
    expect(JSON.parse(await text(body ?? Readable.from([])))).toMatchObject({
      code: 'internal',
      message: 'internal error',
    });
    expect(lines).toEqual([
      expect.objectContaining({ requestId: 'the-request', path, msg: 'answering a call over HTTP failed' }),
    ]);
  },
);
