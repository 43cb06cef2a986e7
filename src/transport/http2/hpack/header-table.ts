import { type HeaderField, headerField } from './header-field.ts';

/** RFC 7541, appendix A: names and values in turns; index 1 is the first. */
const STATIC_FIELDS: readonly HeaderField[] = [
  ':authority',
  ':method=GET',
  ':method=POST',
  ':path=/',
  ':path=/index.html',
  ':scheme=http',
  ':scheme=https',
  ':status=200',
  ':status=204',
  ':status=206',
  ':status=304',
  ':status=400',
  ':status=404',
  ':status=500',
  'accept-charset',
  'accept-encoding=gzip, deflate',
  ...'accept-language accept-ranges accept access-control-allow-origin age allow authorization'.split(' '),
  ...'cache-control content-disposition content-encoding content-language content-length content-location'.split(' '),
  ...'content-range content-type cookie date etag expect expires from host if-match if-modified-since'.split(' '),
  ...'if-none-match if-range if-unmodified-since last-modified link location max-forwards'.split(' '),
  ...'proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie'.split(' '),
  ...'strict-transport-security transfer-encoding user-agent vary via www-authenticate'.split(' '),
].map((line) => {
  const [name = '', value = ''] = line.split('=');
  return headerField(name, value);
});

/** The table size that we allow the peer's encoder: SETTINGS_HEADER_TABLE_SIZE stays at its default. */
export const MAX_TABLE_SIZE = 4096;

/** An entry counts at least 32, so a full table never holds more; a power of two, to index by a mask. */
const RING_LENGTH = MAX_TABLE_SIZE / 32;
const RING_MASK = RING_LENGTH - 1;

export function staticIndexOf(name: string, value: string): { exact: number; name: number } {
  const byName = STATIC_FIELDS.findIndex((field) => field.name === name) + 1;
  const exact = STATIC_FIELDS.findIndex((field) => field.name === name && field.value === value) + 1;
  return { exact, name: byName };
}

/** The index space of RFC 7541, section 2.3: the static table, then the entries added, the newest first. */
export class HeaderTable {
  readonly #ring: HeaderField[] = [];
  #added = 0;
  #count = 0;
  #size = 0;
  #maxSize = MAX_TABLE_SIZE;
  #version = 0;

  /** Differs from any earlier one as soon as the table may answer differently. */
  get version(): number {
    return this.#version;
  }

  /** undefined: no such entry. */
  at(index: number): HeaderField | undefined {
    if (index <= STATIC_FIELDS.length) return STATIC_FIELDS[index - 1];
    const age = index - STATIC_FIELDS.length;
    return age > this.#count ? undefined : this.#ring[(this.#added - age) & RING_MASK];
  }

  add(field: HeaderField): void {
    this.#version += 1;
    this.#evictDownTo(this.#maxSize - field.size);
    if (field.size > this.#maxSize) return;
    this.#ring[this.#added & RING_MASK] = field;
    this.#added = (this.#added + 1) & RING_MASK;
    this.#count += 1;
    this.#size += field.size;
  }

  /** `maxSize` is at most MAX_TABLE_SIZE. */
  resize(maxSize: number): void {
    this.#version += 1;
    this.#maxSize = maxSize;
    this.#evictDownTo(maxSize);
  }

  #evictDownTo(size: number): void {
    while (this.#count > 0 && this.#size > size) {
      this.#size -= this.#ring[(this.#added - this.#count) & RING_MASK]?.size ?? 0;
      this.#count -= 1;
    }
  }
}
