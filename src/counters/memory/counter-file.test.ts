import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, NOON, SECOND } from '../../../test/counters/model/builders.ts';
import { randomCharges, randomWaits } from '../../../test/counters/model/random-decisions.ts';
import { CounterFile, UnusableCounterFile } from './counter-file.ts';
import { MemoryStore } from './memory-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-counter-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

const clock = { now: NOON };

function openStore(): MemoryStore {
  return new MemoryStore({ now: () => clock.now, maxCounters: 100_000, source: 'memory' });
}

/** Returns a store with the counters of another one, by way of the file. */
async function restart(store: MemoryStore): Promise<MemoryStore> {
  const file = new CounterFile(folder);
  await file.write(store.export());
  const next = openStore();
  await file.takeAll((counter) => next.import(counter));
  return next;
}

/** Writes a file with one counter. */
async function writeOne(): Promise<void> {
  const store = openStore();
  store.decide([{ charges: [makeCharge('a', makeLimit(5, '60s'))] }]);
  await new CounterFile(folder).write(store.export());
}

const filePath = () => path.join(folder, 'counters');

describe('counters that were stored at the stop', () => {
  it('decide after the start as if there had been no stop, for all algorithms', async () => {
    const subjects = fc.constantFrom('a', 'b', 'ü', 'long '.repeat(200), `${'long '.repeat(200)}other`);
    const decisions = fc.array(fc.tuple(subjects, randomCharges, randomWaits), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(decisions, decisions, async (before, after) => {
        clock.now = NOON;
        const store = openStore();
        const decide = (stores: readonly MemoryStore[], [subject, charge, wait]: (typeof before)[number]) => {
          clock.now += wait;
          return stores.map((each) => each.decide([{ charges: [{ ...charge, subject }] }]));
        };
        for (const decision of before) decide([store], decision);
        const restarted = await restart(store);
        for (const decision of after) {
          const [expected, actual] = decide([store, restarted], decision);
          expect(actual).toEqual(expected);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('may be more than there are slots', async () => {
    const store = openStore();
    const limit = makeLimit(5, '60s');
    for (let index = 0; index < 10_000; index++)
      store.decide([{ charges: [makeCharge(`subject ${index}`, limit, 3)] }]);
    const restarted = await restart(store);
    expect(restarted.size).toBe(10_000);
    const results = restarted.decide([{ charges: [makeCharge('subject 9999', limit, 3)] }]);
    expect(results).toMatchObject([{ granted: false, charges: [{ remaining: 2 }] }]);
  });

  it('are left out once they have ended', async () => {
    const store = openStore();
    store.decide([
      { charges: [makeCharge('a', makeLimit(5, '60s'))] },
      { charges: [makeCharge('a', makeLimit(5, '1h', { name: 'hour' }))] },
    ]);
    await new CounterFile(folder).write(store.export());
    clock.now += 61 * SECOND;
    const next = openStore();
    expect(await new CounterFile(folder).takeAll((counter) => next.import(counter))).toBe(2);
    expect(next.size).toBe(1);
  });

  it('are taken once', async () => {
    await writeOne();
    const file = new CounterFile(folder);
    expect(await file.takeAll(() => {})).toBe(1);
    expect(await file.takeAll(() => {})).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a file of counters that cannot be used', () => {
  const expectUnusable = async () => {
    await expect(new CounterFile(folder).takeAll(() => {})).rejects.toThrow(UnusableCounterFile);
    expect(await readdir(folder)).toContain('counters.unusable');
    expect(await new CounterFile(folder).takeAll(() => {})).toBeUndefined();
  };

  it('is moved away if it is damaged anywhere', async () => {
    await writeOne();
    const bytes = await readFile(filePath());
    // Neither the time nor the system in the header of gzip matters.
    for (const position of [0, 12, Math.floor(bytes.length / 2), bytes.length - 6]) {
      const damaged = Buffer.from(bytes);
      damaged[position] = 255 - (damaged[position] ?? 0);
      await writeFile(filePath(), damaged);
      await expectUnusable();
    }
  });

  it.each([0, 1, 5])('is moved away if its last bytes are missing (all but %i)', async (length) => {
    await writeOne();
    await writeFile(filePath(), (await readFile(filePath())).subarray(0, length));
    await expectUnusable();
  });

  it('is moved away if it has another format, or fewer counters than it states', async () => {
    await writeOne();
    const text = gunzipSync(await readFile(filePath())).toString();
    for (const other of [text.replace('counters 1', 'counters 2'), text.replace(/\n1\n$/, '\n2\n'), '', 'text']) {
      await writeFile(filePath(), gzipSync(other));
      await expectUnusable();
    }
  });

  it('is moved away if it is a link', async () => {
    await writeFile(path.join(folder, 'elsewhere'), 'content');
    await symlink(path.join(folder, 'elsewhere'), filePath());
    await expectUnusable();
    expect(await readFile(path.join(folder, 'elsewhere'), 'utf8')).toBe('content');
  });
});
