import path from 'node:path';
import { promisify } from 'node:util';
import { constants as deflateConstants, deflateRaw, inflateRaw } from 'node:zlib';
import { openRegularFile } from '../../files/regular-file.ts';
import { replaceFile } from '../../files/replace-file.ts';
import type { CatalogEntry } from '../feed/catalog-rows.ts';
import { FRAME_TYPES, FrameWriter, InvalidSnapshot, readFrames } from './frames.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflateRaw);

const FILE_NAME = 'catalog-snapshot';
/** Fast: the digests of keys, most of the file, hardly shrink. */
const COMPRESSION = { level: deflateConstants.Z_BEST_SPEED };
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

/** The payload of the first frame, as JSON. */
interface Header {
  /** As in `StoredCatalog`. */
  readonly syncedAt: number;
  readonly rowFormat: string;
}

/** The catalog as it was at one time. */
export interface StoredCatalog {
  /** When it was last known to be current, as Unix time in ms. */
  readonly syncedAt: number;
  /** Reads the entries in batches, in order. Throws InvalidSnapshot if the file turns out to be damaged. */
  readonly batches: AsyncIterable<readonly CatalogEntry[]>;
}

/**
 * A copy of the catalog in a file, for a start while Postgres is away. Only the user that Weir runs as can read it. It
 * holds no API key and no password, only digests. It is authenticated with a key that is not in the folder.
 */
export class SnapshotFile {
  readonly #path: string;
  readonly #key: Buffer;
  readonly #rowFormat: string;

  /** `rowFormat` identifies the fields of the rows. A file whose rows have others is not read. */
  constructor(folder: string, key: Buffer, rowFormat: string) {
    this.#path = path.join(path.resolve(folder), FILE_NAME);
    this.#key = key;
    this.#rowFormat = rowFormat;
  }

  /** Replaces the file in one step. Whatever fails, the former file stays. */
  async write({ syncedAt, batches }: StoredCatalog): Promise<void> {
    await replaceFile(this.#path, async (file) => {
      const writer = await FrameWriter.open(file, this.#key);
      await writer.write(FRAME_TYPES.header, Buffer.from(JSON.stringify({ syncedAt, rowFormat: this.#rowFormat })));
      for await (const batch of batches) {
        await writer.write(FRAME_TYPES.entries, await deflate(JSON.stringify(batch), COMPRESSION));
      }
      await writer.write(FRAME_TYPES.end, Buffer.alloc(0));
    });
  }

  /**
   * Opens the file. undefined: there is none. Throws InvalidSnapshot if it cannot be used, and the error of `assertUsable`,
   * which gets the time when the catalog was last known to be current. The batches must be read: they close the file.
   */
  async read(assertUsable: (syncedAt: number) => void): Promise<StoredCatalog | undefined> {
    const frames = this.#readFrames();
    const first = await frames.next();
    if (first.done === true) return undefined;
    const { syncedAt, rowFormat }: Header = JSON.parse(first.value.payload.toString());
    try {
      if (rowFormat !== this.#rowFormat) throw new InvalidSnapshot('the file is of another version of Weir');
      assertUsable(syncedAt);
    } catch (error) {
      await frames.return(undefined); // closes the file
      throw error;
    }
    return { syncedAt, batches: readBatches(frames) };
  }

  /** Yields nothing if there is no file. */
  async *#readFrames(): ReturnType<typeof readFrames> {
    const file = await openRegularFile(this.#path).catch((error: unknown) => {
      throw new InvalidSnapshot('the file cannot be read', { cause: error });
    });
    if (file === undefined) return;
    try {
      yield* readFrames(file, this.#key);
    } finally {
      await file.close();
    }
  }
}

async function* readBatches(frames: ReturnType<typeof readFrames>): AsyncGenerator<readonly CatalogEntry[]> {
  for await (const { type, payload } of frames) {
    if (type !== FRAME_TYPES.entries) continue;
    const json = await inflate(payload, { maxOutputLength: MAX_INFLATED_BYTES });
    yield JSON.parse(json.toString()) as CatalogEntry[]; // authentic, so this or another node has written it
  }
}
