import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { readGzipLines, writeGzipLines } from '../files/gzip-lines.ts';
import type { HourlyUsage, UsageFlush } from './pending-usage.ts';

/** The file of the first worker of a node. The others add their number. */
const FILE_NAME = 'usage';
const NUMBERED_NAME = /^usage-(\d+)$/;
/** Changes with the form of the lines. */
const FORMAT = 'weir usage 1';

/** A row as the file has it. */
type Row = readonly [
  hour: number,
  accountId: string,
  keyId: string,
  planId: string,
  route: string,
  allowed: number,
  rateLimited: number,
  quotaExceeded: number,
  denied: number,
  hits: number,
];

/** A line between the first and the last. */
interface Line {
  readonly node: string;
  readonly sequence: number;
  readonly rows: readonly Row[];
}

/**
 * Usage that could not be written to Postgres, in a file: lines with the format, a flush each, and the number of flushes.
 * Flushes keep their node and sequence, so one that was written after all does not count again.
 */
export class UsageFile {
  readonly #path: string;

  /** `worker` is the number of a worker of the node, from 1. */
  constructor(folder: string, worker: number) {
    this.#path = path.join(path.resolve(folder), worker === 1 ? FILE_NAME : `${FILE_NAME}-${worker}`);
  }

  /** Writes flushes in place of those of the file. */
  async write(flushes: readonly UsageFlush[]): Promise<void> {
    await writeGzipLines(this.#path, formatLines([...flushes]));
  }

  /** Reads the flushes of the file. Moves a file that cannot be used away and throws. */
  async read(): Promise<readonly UsageFlush[]> {
    const flushes: UsageFlush[] = [];
    try {
      await readLines(this.#path, flushes);
    } catch (error) {
      const aside = `${this.#path}.unusable`;
      await rename(this.#path, aside).catch(() => {}); // the error says what matters
      throw new Error(`the file of usage cannot be used; it was moved to ${aside}`, { cause: error });
    }
    return flushes;
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** Finds the files of workers that a node with fewer workers left behind. */
export async function findFormerFiles(folder: string, workers: number): Promise<readonly UsageFile[]> {
  const names = await readdir(folder).catch(() => []); // the folder may not exist yet
  const numbers = names.flatMap((name) => NUMBERED_NAME.exec(name)?.[1] ?? []).map(Number);
  return numbers.filter((number) => number > workers).map((number) => new UsageFile(folder, number));
}

function* formatLines(flushes: readonly UsageFlush[]): Generator<string> {
  yield FORMAT;
  for (const { node, sequence, rows } of flushes) {
    const line: Line = { node, sequence, rows: rows.map(toRow) };
    yield JSON.stringify(line);
  }
  yield String(flushes.length);
}

async function readLines(file: string, flushes: UsageFlush[]): Promise<void> {
  let hasFormat = false;
  let stated: number | undefined;
  const exists = await readGzipLines(file, (text) => {
    if (!hasFormat && text !== FORMAT) throw new Error('it is not a file of usage of this version');
    if (hasFormat) {
      const line = JSON.parse(text) as Line | number; // as written: the checksum would show any damage
      if (typeof line === 'number') stated = line;
      else flushes.push({ node: line.node, sequence: line.sequence, rows: line.rows.map(fromRow) });
    }
    hasFormat = true;
  });
  if (exists && stated !== flushes.length) throw new Error('it is not complete');
}

function toRow({ hour, accountId, keyId, planId, route, ...counts }: HourlyUsage): Row {
  const { allowed, rateLimited, quotaExceeded, denied, hits } = counts;
  return [hour, accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits];
}

function fromRow(row: Row): HourlyUsage {
  const [hour, accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits] = row;
  return { hour, accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits };
}
