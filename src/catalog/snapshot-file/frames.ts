import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/*
 * A snapshot file: a line with the version of the format, then frames.
 *
 *   bytes
 *   4     length of the payload
 *   1     type of the frame
 *         payload
 *   32    HMAC-SHA-256 over the MAC of the frame before, the type and the payload; before the first frame: the line
 *
 * The chain of MACs authenticates the order of the frames, and the last frame the end of the file.
 */
const VERSION = 1;
const VERSION_LINE = /^weir catalog snapshot (\d{4})\n$/;
const VERSION_LINE_BYTES = 27;
const PREFIX_BYTES = 5;
const MAC_BYTES = 32;
/** No frame that this version writes comes near it. */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** A frame with the header, with entries, or the end. */
export const FRAME_TYPES = { header: 0, entries: 1, end: 2 } as const;
type FrameType = (typeof FRAME_TYPES)[keyof typeof FRAME_TYPES];

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** A file that cannot be used. The message says why, as a phrase. */
export class InvalidSnapshot extends Error {
  override readonly name = 'InvalidSnapshot';
}

function computeMac(key: Buffer, former: Buffer, type: number, payload: Buffer): Buffer {
  return createHmac('sha256', key).update(former).update(Buffer.of(type)).update(payload).digest();
}

/** Writes frames to a file that is open for writing. Create it with `open`. */
export class FrameWriter {
  readonly #file: FileHandle;
  readonly #key: Buffer;
  #mac: Buffer;

  private constructor(file: FileHandle, key: Buffer, versionLine: Buffer) {
    this.#file = file;
    this.#key = key;
    this.#mac = versionLine;
  }

  static async open(file: FileHandle, key: Buffer): Promise<FrameWriter> {
    const line = Buffer.from(`weir catalog snapshot ${String(VERSION).padStart(4, '0')}\n`);
    await file.write(line);
    return new FrameWriter(file, key, line);
  }

  async write(type: FrameType, payload: Buffer): Promise<void> {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(payload.length);
    prefix.writeUInt8(type, PREFIX_BYTES - 1);
    this.#mac = computeMac(this.#key, this.#mac, type, payload);
    await this.#file.writev([prefix, payload, this.#mac]);
  }
}

/** Reads the frames of a file up to the end frame. Throws InvalidSnapshot at the first one that is not authentic. */
export async function* readFrames(file: FileHandle, key: Buffer): AsyncGenerator<Frame> {
  let mac = await readExactly(file, VERSION_LINE_BYTES);
  const [, version] = VERSION_LINE.exec(mac.toString('latin1')) ?? [];
  if (version === undefined) throw new InvalidSnapshot('the file is not a snapshot of a catalog');
  if (Number(version) !== VERSION) throw new InvalidSnapshot(`the file has the unknown version ${Number(version)}`);
  for (let isFirst = true; ; isFirst = false) {
    const prefix = await readExactly(file, PREFIX_BYTES);
    const length = prefix.readUInt32BE();
    if (length > MAX_PAYLOAD_BYTES) throw new InvalidSnapshot('the file is damaged');
    const type = prefix.readUInt8(PREFIX_BYTES - 1);
    const payload = await readExactly(file, length);
    mac = computeMac(key, mac, type, payload);
    if (!timingSafeEqual(mac, await readExactly(file, MAC_BYTES))) {
      throw new InvalidSnapshot(
        isFirst ? 'the file is of another installation, or was written with other secrets' : 'the file is damaged',
      );
    }
    yield { type, payload };
    if (type === FRAME_TYPES.end) return;
  }
}

async function readExactly(file: FileHandle, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let offset = 0; offset < length; ) {
    const { bytesRead } = await file.read(bytes, offset, length - offset);
    if (bytesRead === 0) throw new InvalidSnapshot('the file ends too early');
    offset += bytesRead;
  }
  return bytes;
}
