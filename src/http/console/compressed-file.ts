import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { createStaticFile, type StaticFile } from '../static-file.ts';

/** The encodings of responses, the best one first. */
const ENCODINGS = ['br', 'gzip'] as const;
type Encoding = (typeof ENCODINGS)[number] | 'identity';

const COMPRESSORS = {
  br: (content: Buffer) =>
    promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
  gzip: (content: Buffer) => promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
};

/** A file that is compressed when a client first asks for it, and then kept: few nodes serve the console. */
export class CompressedFile {
  readonly #content: Buffer;
  readonly #settings: { readonly type: string; readonly cacheControl: string };
  readonly #encoded = new Map<Encoding, Promise<StaticFile>>();

  constructor(content: Buffer, settings: { readonly type: string; readonly cacheControl: string }) {
    this.#content = content;
    this.#settings = settings;
  }

  /** Returns the file in an encoding, or as it is if that is not smaller. */
  encode(encoding: Encoding): Promise<StaticFile> {
    const known = this.#encoded.get(encoding);
    if (known !== undefined) return known;
    const encoded = this.#compress(encoding);
    this.#encoded.set(encoding, encoded);
    return encoded;
  }

  async #compress(encoding: Encoding): Promise<StaticFile> {
    if (encoding === 'identity') return createStaticFile(this.#content, this.#settings);
    const content = await COMPRESSORS[encoding](this.#content);
    if (content.length >= this.#content.length) return this.encode('identity');
    return createStaticFile(content, { ...this.#settings, encoding });
  }
}

/** Chooses the encoding of a response by the header `accept-encoding`. */
export function chooseEncoding(header = ''): Encoding {
  const accepted = header
    .toLowerCase()
    .split(',')
    .filter((item) => !/;\s*q=0(?:\.0*)?\s*$/.test(item))
    .map((item) => item.split(';')[0]?.trim());
  return ENCODINGS.find((encoding) => accepted.includes(encoding)) ?? 'identity';
}
