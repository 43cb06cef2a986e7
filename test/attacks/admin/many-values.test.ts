import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { test as it } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const CREATE_PLAN = '/weir.admin.v1.PlanService/CreatePlan';
const EXPLAIN = '/weir.admin.v1.ExplainService/Explain';
const TOO_MANY = 'request: must have at most 32768 values';
/** The answer to a message that was decoded. */
const NO_TOKEN = 'the call has no access token';

/** Encodes a field whose value is a text, a message, or a packed list. */
function field(number: number, value: Uint8Array): Buffer {
  return Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(value).finish());
}

const repeat = (value: Uint8Array, count: number) => Buffer.concat(Array.from({ length: count }, () => value));
/** A CreatePlanRequest with these fields of its plan. */
const inPlan = (fields: Uint8Array) => field(2, fields);
const LIMIT = 3;
const emptyLimits = (count: number) => inPlan(repeat(field(LIMIT, Buffer.alloc(0)), count));
/** An ExplainRequest about a check, with a list in the metadata of its route. */
const routeMetadata = (list: Uint8Array) => {
  const struct = field(1, field(2, field(6, list)));
  return field(2, field(1, field(13, field(1, field(2, struct)))));
};

async function callOverGrpc(node: TestNode, path: string, message: Buffer): Promise<string> {
  const method = { path, requestSerialize: () => message, responseDeserialize: () => true };
  const error = await node.admin.callAndFail(method, undefined);
  expect([status.INVALID_ARGUMENT, status.UNAUTHENTICATED]).toContain(error.code);
  return error.details;
}

async function callOverHttp(node: TestNode, path: string, message: Uint8Array<ArrayBuffer>): Promise<string> {
  const headers = { 'content-type': 'application/proto' };
  const response = await node.fetch(path, { method: 'POST', headers, body: message });
  expect([400, 401]).toContain(response.status);
  return ((await response.json()) as { message: string }).message;
}

describe('a message with too many values is rejected before it is decoded', () => {
  it.for([
    ['messages', CREATE_PLAN, emptyLimits(480_000)],
    ['messages one more than there can be', CREATE_PLAN, emptyLimits(32_768)],
    ['texts', CREATE_PLAN, inPlan(repeat(field(LIMIT, field(1, Buffer.from('a'))), 20_000))],
    ['fields that are unknown', CREATE_PLAN, repeat(Buffer.from([0xf8, 0x01, 0]), 40_000)],
    ['values in a map', EXPLAIN, routeMetadata(repeat(field(1, Buffer.alloc(0)), 40_000))],
    ['numbers of a packed list', CREATE_PLAN, inPlan(field(LIMIT, field(15, Buffer.alloc(40_000, 1))))],
  ] as const)('%s', async ([, path, message], { node }) => {
    expect(await callOverGrpc(node, path, message)).toBe(TOO_MANY);
    expect(await callOverHttp(node, path, new Uint8Array(message))).toBe(TOO_MANY);
  });

  it('but one with as many as there can be is decoded', async ({ node }) => {
    expect(await callOverGrpc(node, CREATE_PLAN, emptyLimits(32_767))).toContain(NO_TOKEN);
    expect(await callOverHttp(node, CREATE_PLAN, new Uint8Array(emptyLimits(32_767)))).toContain(NO_TOKEN);
  });
});
