import { describe, expect, it } from 'vitest';
import { DiscoveryResponse } from '../generated/envoy/service/discovery/v3/discovery.ts';
import { type AdsAction, AdsState, RATE_LIMIT_CONFIG_TYPE } from './ads-state.ts';

const NODE = { id: 'node', metadata: undefined, userAgentName: 'weir', userAgentVersionType: undefined };
const BACKOFF = { initialMs: 1000, maxMs: 5000, hasJitter: true };

const createState = () => new AdsState(NODE, BACKOFF);

function createResponse(version: string, typeUrl = RATE_LIMIT_CONFIG_TYPE): DiscoveryResponse {
  return DiscoveryResponse.fromPartial({ versionInfo: version, nonce: `nonce of ${version}`, typeUrl });
}

/** The contents of a request, without its type. */
function summarize(action: AdsAction | undefined) {
  if (action?.kind !== 'send') return action;
  const { versionInfo, node, responseNonce, errorDetail } = action.request;
  return { version: versionInfo, nonce: responseNonce, node: node?.id, error: errorDetail?.message };
}

const summarizeAll = (actions: readonly AdsAction[]) => actions.map(summarize);

describe('a stream of rules', () => {
  it('begins with the node, and no version', () => {
    expect(summarizeAll(createState().opened())).toEqual([{ version: '', nonce: '', node: 'node', error: undefined }]);
  });

  it('accepts a response with its version and nonce once it is loaded', () => {
    const state = createState();
    state.opened();
    const response = createResponse('1');
    expect(state.received(response)).toEqual([{ kind: 'load', response }]);
    expect(summarizeAll(state.loaded(response, undefined))).toEqual([
      { version: '1', nonce: 'nonce of 1', node: undefined, error: undefined },
    ]);
  });

  it('rejects a response with the version in force, the nonce and the fault', () => {
    const state = createState();
    state.opened();
    const [good, bad] = [createResponse('1'), createResponse('2')];
    state.received(good);
    state.loaded(good, undefined);
    state.received(bad);
    expect(summarizeAll(state.loaded(bad, 'unit: must be …'))).toEqual([
      { version: '1', nonce: 'nonce of 2', node: undefined, error: 'unit: must be …' },
    ]);
    const other = createResponse('3', 'type.googleapis.com/other');
    expect(summarizeAll(state.received(other))).toEqual([
      { version: '1', nonce: 'nonce of 3', node: undefined, error: `type_url: must be ${RATE_LIMIT_CONFIG_TYPE}` },
    ]);
  });

  it('bounds the detail of a rejection', () => {
    const state = createState();
    state.opened();
    const response = createResponse('1');
    state.received(response);
    const [action] = state.loaded(response, 'x'.repeat(10_000));
    expect(action?.kind === 'send' && action.request.errorDetail?.message.length).toBe(4096);
  });

  it('loads one response after the other, and of those that wait only the last', () => {
    const state = createState();
    state.opened();
    const [first, second, third] = ['1', '2', '3'].map((version) => createResponse(version));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three responses');
    state.received(first);
    expect(state.received(second)).toEqual([]);
    expect(state.received(third)).toEqual([]);
    const [answer, next] = state.loaded(first, undefined);
    expect(summarize(answer)).toMatchObject({ version: '1', nonce: 'nonce of 1' });
    expect(next).toEqual({ kind: 'load', response: third });
  });

  it('ignores the result of a response from before the stream ended', () => {
    const state = createState();
    state.opened();
    const response = createResponse('1');
    state.received(response);
    state.ended(0);
    state.opened();
    expect(state.loaded(response, undefined)).toEqual([]);
  });

  it('does not name its version to the next stream: a server that restarted may use it for other rules', () => {
    const state = createState();
    state.opened();
    const response = createResponse('1');
    state.received(response);
    state.loaded(response, undefined);
    state.ended(0);
    expect(summarizeAll(state.opened())).toMatchObject([{ version: '', node: 'node' }]);
  });

  it('waits twice as long after each failure, up to a maximum, and begins again after a response', () => {
    const state = createState();
    const waits = (random: number) => state.ended(random).map((action) => action.kind === 'reopen' && action.afterMs);
    expect([waits(1), waits(1), waits(1), waits(1), waits(1)].flat()).toEqual([1000, 2000, 4000, 5000, 5000]);
    expect(waits(0)).toEqual([2500]);
    state.opened();
    state.received(createResponse('1'));
    expect(waits(1)).toEqual([1000]);
  });

  it('waits the same time without jitter', () => {
    const state = new AdsState(NODE, { ...BACKOFF, hasJitter: false });
    expect(state.ended(0)).toEqual([{ kind: 'reopen', afterMs: 1000 }]);
  });
});
