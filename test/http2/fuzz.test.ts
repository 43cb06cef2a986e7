import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallHeaders, readCallHeaders } from '../../src/transport/grpc-http2/call-headers.ts';
import { type ConnectionServices, Http2Call } from '../../src/transport/grpc-http2/http2-call.ts';
import { MAX_MESSAGE_LENGTH } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { ReplyFormat } from '../../src/transport/grpc-http2/responses.ts';
import { ConnectionError } from '../../src/transport/http2/connection-error.ts';
import { FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { HeaderDecoder } from '../../src/transport/http2/hpack/header-decoder.ts';
import { ServerConnection } from '../../src/transport/http2/server-connection.ts';
import { countAttempts } from '../support/attempts.ts';
import { mutate, mutation } from '../support/mutate-bytes.ts';
import { splitFrames } from './frame-builders.ts';

const RUNS = countAttempts(4000);
const TIMEOUT_MS = 60_000 + RUNS;
const PREFACE_LENGTH = 24;
const NOW = 1e6;

const folder = path.join(import.meta.dirname, 'fixtures');
const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => ({ name, bytes: readFileSync(path.join(folder, name)) }));
const headerBlocks = recordings.flatMap(({ bytes }) =>
  splitFrames(bytes.subarray(PREFACE_LENGTH))
    .frames.filter((frame) => frame.type === FrameType.HEADERS)
    .map((frame) => frame.payload),
);

interface Outcome {
  readonly sent: Buffer;
  readonly calls: number;
}

/** Bytes of memory that the calls of all inputs have reserved and not released. */
let reservedBytes = 0;

/** Feeds the pieces to a connection whose application echoes each call at once. */
function serve(pieces: readonly Buffer[]): Outcome {
  const calls: Http2Call[] = [];
  const services: ConnectionServices = {
    peer: '127.0.0.1',
    replies: new ReplyFormat(),
    maxMessageLength: () => MAX_MESSAGE_LENGTH,
    reserve: (change) => {
      reservedBytes += change;
      return true;
    },
    scheduleFlush: () => {},
    addToBatch: (call) => {
      calls.push(call);
      call.reply(call.message);
    },
  };
  const connection = new ServerConnection<CallHeaders>({
    readHead: readCallHeaders,
    acceptRequest: (stream, headers) => {
      const call = new Http2Call(stream, headers, undefined, services);
      if (headers.rejection !== undefined) stream.respondWithHeaders(headers.rejection);
      return call;
    },
  });
  for (const piece of pieces) connection.receive(piece, NOW);
  connection.close();
  const sent = Buffer.concat(connection.output.take());
  connection.output.release();
  return { sent, calls: calls.length };
}

function measureMemory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('a connection', () => {
  it.each([
    ['envoy.bin', 4],
    ['grpc-js.bin', 7],
    ['grpcio.bin', 4],
    ['grpcurl.bin', 1],
    ['ghz.bin', 20],
  ])('understands the recorded traffic in %s, with at least %d calls', (name, calls) => {
    const bytes = recordings.find((recording) => recording.name === name)?.bytes ?? Buffer.alloc(0);
    const outcome = serve([bytes]);
    expect(outcome.calls).toBeGreaterThanOrEqual(calls);
    expect(splitFrames(outcome.sent).frames.filter((frame) => frame.type === FrameType.GOAWAY)).toEqual([]);
  });

  it('survives mutated traffic: sends whole frames, the same however its input is split, and frees its memory', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const before = measureMemory();
    fc.assert(
      fc.property(
        fc.constantFrom(...recordings),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        fc.boolean(),
        ({ bytes }, mutations, pieceLength, sparesPreface) => {
          const sparedLength = sparesPreface ? PREFACE_LENGTH : 0;
          const input = mutations.reduce<Buffer>(
            (mutated, next) => mutate(mutated, next, Math.min(sparedLength, mutated.length)),
            bytes,
          );
          const pieces: Buffer[] = [];
          for (let offset = 0; offset < input.length; offset += pieceLength)
            pieces.push(input.subarray(offset, offset + pieceLength));
          const whole = serve([input]);
          expect(splitFrames(whole.sent).rest).toHaveLength(0);
          expect(serve(pieces).sent.equals(whole.sent)).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
    // Messages are inflated in later turns of the event loop, and there has been none since.
    await expect.poll(() => reservedBytes, { timeout: TIMEOUT_MS }).toBe(0);
    // The memory of the last inflation is not freed in the turn in which it ends either.
    await expect.poll(() => measureMemory() - before, { timeout: TIMEOUT_MS }).toBeLessThan(32 * 1024 * 1024);
  });
});

describe('the header decoder', () => {
  it('decodes mutated header blocks or fails with a connection error', { timeout: TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...headerBlocks), fc.array(mutation, { maxLength: 4 })), { maxLength: 4 }),
        (list) => {
          const decoder = new HeaderDecoder();
          for (const [block, mutations] of list) {
            const input = mutations.reduce<Buffer>((mutated, next) => mutate(mutated, next, 0), block);
            if (!tryDecode(decoder, input)) return;
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('decodes random bytes or fails with a connection error', { timeout: TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        tryDecode(new HeaderDecoder(), Buffer.from(bytes));
      }),
      { numRuns: RUNS },
    );
  });
});

/** Decodes a block. Returns false when it fails with a ConnectionError; any other error fails the test. */
function tryDecode(decoder: HeaderDecoder, block: Buffer): boolean {
  try {
    decoder.decode(block, 0, block.length);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectionError);
    return false;
  }
}
