import { describe, expect, it } from 'vitest';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import { CheckpointLog } from './checkpoint-log.ts';

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 30, 12) * 1000;

const day = (requests: number): CountedLimit => {
  const limit = parseLimit({ name: 'day', requests, algorithm: 'calendar', window: '1d' });
  if (!('identity' in limit)) throw new Error('limit: must be valid');
  return limit;
};
const LIMIT = day(100);
const observe = (log: CheckpointLog, used: number, observedAt = NOON, limit = LIMIT) =>
  log.note({ subject: 'account|a', limit, used, observedAt });

describe('the log of checkpoints', () => {
  it('keeps the greatest use of a counter, and when it was that', () => {
    const log = new CheckpointLog();
    observe(log, 5, NOON + 1);
    observe(log, 9, NOON + 2);
    observe(log, 3, NOON + 3);
    expect(log.takeAll()).toEqual([
      {
        ...{ subject: 'account|a', identity: 'day/c1d', periodStart: NOON - 12 * HOUR, periodEnd: NOON + 12 * HOUR },
        ...{ used: 9, observedAt: NOON + 2, refunded: 0 },
      },
    ]);
    expect([log.size, log.takeAll()]).toEqual([0, []]);
  });

  it('continues with the counter of a limit whose numbers were changed', () => {
    const log = new CheckpointLog();
    observe(log, 5);
    observe(log, 6, NOON, day(1000));
    expect(log.takeAll()).toMatchObject([{ used: 6 }]);
  });

  it('begins again with the next period', () => {
    const log = new CheckpointLog();
    observe(log, 90);
    observe(log, 1, NOON + DAY);
    observe(log, 95, NOON);
    expect(log.takeAll()).toMatchObject([{ used: 1, periodStart: NOON - 12 * HOUR + DAY }]);
  });

  it('lowers what it knows by what is refunded', () => {
    const log = new CheckpointLog();
    observe(log, 90);
    log.noteRefund('account|a', LIMIT, 30, NOON);
    observe(log, 62);
    log.noteRefund('account|b', LIMIT, 4, NOON);
    expect(log.takeAll()).toMatchObject([
      { subject: 'account|a', used: 62, refunded: 30 },
      { subject: 'account|b', refunded: 4 },
    ]);
  });

  it('merges what could not be written with what came since', () => {
    const log = new CheckpointLog();
    observe(log, 90);
    const failed = log.takeAll();
    observe(log, 80);
    log.noteRefund('account|a', LIMIT, 5, NOON);
    log.endWrite(failed);
    expect(log.takeAll()).toMatchObject([{ used: 90, refunded: 5 }]);
  });

  it('lists what is being written, because the table does not have it yet', () => {
    const log = new CheckpointLog();
    observe(log, 90);
    log.takeAll();
    observe(log, 1);
    expect(log.list()).toMatchObject([{ used: 90 }, { used: 1 }]);
    log.forget({ subject: 'account|a', identity: LIMIT.identity });
    expect(log.list()).toEqual([]);
    observe(log, 2);
    log.endWrite([]);
    expect(log.list()).toMatchObject([{ used: 2 }]);
  });

  it('is bounded apart for subjects that clients choose, so that they cannot crowd out those of the catalog', () => {
    const log = new CheckpointLog();
    for (let index = 0; index < 100_001; index++) {
      log.note({ subject: `rule|a|address|${index}`, limit: LIMIT, used: 1, observedAt: NOON });
    }
    log.note({ subject: `rule|a|address|${'x'.repeat(1024)}`, limit: LIMIT, used: 1, observedAt: NOON });
    observe(log, 1);
    expect([log.size, log.dropped]).toEqual([100_001, 2]);
    log.forget({ subject: 'account|a', identity: LIMIT.identity });
    expect(log.size).toBe(100_000);
  });
});
