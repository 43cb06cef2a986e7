import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Http2Call } from '../../src/transport/grpc-http2/http2-call.ts';
import { type CallHeaders, readCallHeaders } from '../../src/transport/grpc-http2/call-headers.ts';
import { ConnectionError, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { HeaderDecoder } from '../../src/transport/http2/hpack/header-decoder.ts';
import { ServerConnection } from '../../src/transport/http2/server-connection.ts';
import { takeFrames } from './frame-builders.ts';

/** FUZZ_RUNS=1000000 for the long run. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 4000);
const TIMEOUT = 60_000 + RUNS;
const PREFACE_LENGTH = 24;
const NOW = 1e6;

const folder = path.join(import.meta.dirname, 'fixtures');
const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => ({ name, bytes: readFileSync(path.join(folder, name)) }));
const blocks = recordings.flatMap(({ bytes }) =>
  takeFrames(bytes.subarray(PREFACE_LENGTH))
    .frames.filter((frame) => frame.type === FrameType.HEADERS)
    .map((frame) => frame.payload),
);

interface Mutation {
  readonly kind: 'set' | 'insert' | 'delete' | 'repeat' | 'cut';
  /** In millionths of the whole length. */
  readonly place: number;
  readonly length: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'repeat', 'cut'),
  // Not fc.double, most of whose values are next to 0.
  place: fc.nat(999_999),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.integer({ min: 0, max: 255 }),
});

function mutate(bytes: Buffer, { kind, place, length, byte }: Mutation, from: number): Buffer {
  const at = from + Math.floor((place * (bytes.length - from)) / 1_000_000);
  const before = bytes.subarray(0, at);
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(at + 1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(at)]);
    case 'delete':
      return Buffer.concat([before, bytes.subarray(at + length)]);
    case 'repeat':
      return Buffer.concat([before, bytes.subarray(at, at + length * 4), bytes.subarray(at)]);
    case 'cut':
      return before;
  }
}

interface Outcome {
  readonly sent: Buffer;
  readonly calls: number;
  readonly pause: number;
}

/** Bytes that calls of all inputs hold. */
let held = 0;

/** What a server that echoes at once makes of it. */
function serve(pieces: readonly Buffer[]): Outcome {
  const calls: Http2Call[] = [];
  const site = {
    hold: (change: number) => {
      held += change;
      return true;
    },
    touch: () => {},
    complete: (call: Http2Call) => {
      calls.push(call);
      call.reply(call.message);
    },
  };
  const connection = new ServerConnection<CallHeaders>({
    readHead: readCallHeaders,
    accept: (stream, head) => {
      const call = new Http2Call(stream, head, undefined, site);
      if (head.refusal !== undefined) stream.respondHeaders(head.refusal);
      return call;
    },
  });
  for (const piece of pieces) connection.receive(piece, NOW);
  connection.close();
  const sent = Buffer.concat(connection.output.take());
  connection.output.release();
  return { sent, calls: calls.length, pause: connection.readPause(NOW) };
}

function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('recorded traffic', () => {
  it.each([
    ['envoy.bin', 4],
    ['grpc-js.bin', 7],
    ['grpcio.bin', 4],
    ['grpcurl.bin', 1],
    ['ghz.bin', 20],
  ])('of %s is understood', (name, calls) => {
    const bytes = recordings.find((recording) => recording.name === name)?.bytes ?? Buffer.alloc(0);
    const outcome = serve([bytes]);
    expect(outcome.calls).toBeGreaterThanOrEqual(calls);
    expect(takeFrames(outcome.sent).frames.filter((frame) => frame.type === FrameType.GOAWAY)).toEqual([]);
  });

  it('with any bytes changed brings no throw and whole frames, the same however it is cut, and leaves nothing held', {
    timeout: TIMEOUT,
  }, async () => {
    const before = memoryInUse();
    fc.assert(
      fc.property(
        fc.constantFrom(...recordings),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        fc.boolean(),
        ({ bytes }, mutations, size, sparesPreface) => {
          const from = sparesPreface ? PREFACE_LENGTH : 0;
          const input = mutations.reduce<Buffer>(
            (mutated, each) => mutate(mutated, each, Math.min(from, mutated.length)),
            bytes,
          );
          const pieces: Buffer[] = [];
          for (let at = 0; at < input.length; at += size) pieces.push(input.subarray(at, at + size));
          const whole = serve([input]);
          expect(takeFrames(whole.sent).rest).toHaveLength(0);
          expect(serve(pieces).sent.equals(whole.sent)).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
    // Inflating takes turns of the event loop, which had none meanwhile.
    await expect.poll(() => held, { timeout: TIMEOUT }).toBe(0);
    // Nor is what they held given back in the turn in which the last one ends.
    await expect.poll(() => memoryInUse() - before, { timeout: TIMEOUT }).toBeLessThan(32 * 1024 * 1024);
  });
});

describe('header blocks', () => {
  it('with any bytes changed decode, or fail with a connection error', { timeout: TIMEOUT }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...blocks), fc.array(mutation, { maxLength: 4 })), { maxLength: 4 }),
        (list) => {
          const decoder = new HeaderDecoder();
          for (const [block, mutations] of list) {
            const input = mutations.reduce<Buffer>((mutated, each) => mutate(mutated, each, 0), block);
            if (!decodes(decoder, input)) return;
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('of random bytes decode, or fail with a connection error', { timeout: TIMEOUT }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodes(new HeaderDecoder(), Buffer.from(bytes));
      }),
      { numRuns: RUNS },
    );
  });
});

function decodes(decoder: HeaderDecoder, block: Buffer): boolean {
  try {
    decoder.decode(block, 0, block.length);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectionError);
    return false;
  }
}
