import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CounterSpec } from '../../domain/counting/counter-spec.ts';
import { readGzipLines, writeGzipLines } from '../../files/gzip-lines.ts';
import type { StoredCounter } from './stored-counter.ts';

/*
 * The file has lines of JSON: the format, batches of counters, and their number.
 */

const FILE_NAME = 'counters';
/** Changes with the format of the lines, of packed counters and of specs. */
const FORMAT = 'weir counters 1';
const COUNTERS_PER_BATCH = 1_000;

/** The lines between the first and the last. Most counters of a batch share a few limits. */
interface Batch {
  readonly limits: readonly (readonly [identity: string, spec: CounterSpec])[];
  /** The index of the limit, the subject, whether the subject is a digest, and the packed counter in base64. */
  readonly counters: readonly (readonly [limit: number, text: string, isDigest: 0 | 1, packed: string])[];
}

/** A file is damaged, or of another format. */
export class UnusableCounterFile extends Error {
  override readonly name = 'UnusableCounterFile';
  /** The path of the file. */
  readonly isAt: string;
  constructor(isAt: string, options: ErrorOptions) {
    super('the file of counters cannot be used', options);
    this.isAt = isAt;
  }
}

/** The counters of a process in a file, from its stop to the next start. */
export class CounterFile {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = path.join(path.resolve(folder), FILE_NAME);
  }

  /** Writes the counters in place of those of the file. Returns how many there are. */
  async write(counters: Iterable<StoredCounter>): Promise<number> {
    let count = 0;
    const lines = function* (): Generator<string> {
      yield FORMAT;
      for (const batch of intoBatches(counters)) {
        count += batch.counters.length;
        yield JSON.stringify(batch);
      }
      yield String(count);
    };
    await writeGzipLines(this.#path, lines());
    return count;
  }

  /**
   * Gives each counter of the file to `take`, and removes the file: a process that is killed later must not start with
   * counters of an earlier time. Returns how many there were; undefined: there is no file. Moves a file that cannot be
   * used away and throws UnusableCounterFile. Counters that were read before the fault was found have been taken then.
   */
  async takeAll(take: (counter: StoredCounter) => void): Promise<number | undefined> {
    try {
      const count = await readCounters(this.#path, take);
      if (count !== undefined) await rm(this.#path);
      return count;
    } catch (error) {
      const aside = `${this.#path}.unusable`;
      const isAt = await rename(this.#path, aside).then(
        () => aside,
        () => this.#path,
      );
      throw new UnusableCounterFile(isAt, { cause: error });
    }
  }
}

function* intoBatches(counters: Iterable<StoredCounter>): Generator<Batch> {
  let batch = new BatchBuilder();
  for (const counter of counters) {
    batch.add(counter);
    if (batch.counters.length < COUNTERS_PER_BATCH) continue;
    yield batch;
    batch = new BatchBuilder();
  }
  if (batch.counters.length > 0) yield batch;
}

class BatchBuilder implements Batch {
  readonly limits: [string, CounterSpec][] = [];
  readonly counters: [number, string, 0 | 1, string][] = [];

  add({ identity, spec, subject: { text, isDigest }, packed }: StoredCounter): void {
    let limit = this.limits.findIndex(([known, knownSpec]) => known === identity && knownSpec === spec);
    if (limit < 0) limit = this.limits.push([identity, spec]) - 1;
    this.counters.push([limit, text, isDigest ? 1 : 0, Buffer.from(packed).toString('base64')]);
  }
}

/** Returns the number of counters; undefined: there is no file. Throws if it is damaged or of another format. */
async function readCounters(file: string, take: (counter: StoredCounter) => void): Promise<number | undefined> {
  let hasFormat = false;
  let count = 0;
  let stated: number | undefined;
  const exists = await readGzipLines(file, (line) => {
    if (!hasFormat && line !== FORMAT) throw new Error('it is not a file of counters of this version');
    if (hasFormat) {
      const batch = JSON.parse(line) as Batch | number; // as written: the checksum would show any damage
      if (typeof batch === 'number') stated = batch;
      else count += takeBatch(batch, take);
    }
    hasFormat = true;
  });
  if (!exists) return undefined;
  if (stated !== count) throw new Error('it is not complete');
  return count;
}

function takeBatch({ limits, counters }: Batch, take: (counter: StoredCounter) => void): number {
  for (const [limit, text, isDigest, packed] of counters) {
    const [identity, spec] = limits[limit] ?? [];
    if (identity === undefined || spec === undefined) throw new Error('a counter has no limit');
    take({ identity, spec, subject: { text, isDigest: isDigest === 1 }, packed: Buffer.from(packed, 'base64') });
  }
  return counters.length;
}
