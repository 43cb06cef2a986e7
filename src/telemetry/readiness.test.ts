import { describe, expect, it } from 'vitest';
import { Readiness } from './readiness.ts';

const current = { isTooStale: false };

describe('readiness', () => {
  it('says while a node starts that it does, and what it waits for', () => {
    const readiness = new Readiness();
    expect(readiness.reasons()).toEqual(['starting']);
    readiness.waitFor('waiting for Postgres');
    expect(readiness.reasons()).toEqual(['starting', 'waiting for Postgres']);
    readiness.finishStart(current);
    expect(readiness.reasons()).toEqual([]);
  });

  it('ends only when the catalog is too stale, and returns with a current one', () => {
    const readiness = new Readiness();
    const catalog = { isTooStale: false };
    readiness.finishStart(catalog);
    expect(readiness.reasons()).toEqual([]);
    catalog.isTooStale = true;
    expect(readiness.reasons()).toEqual(['the catalog is out of date']);
    catalog.isTooStale = false;
    expect(readiness.reasons()).toEqual([]);
  });

  it('ends with the shutdown', () => {
    const readiness = new Readiness();
    readiness.finishStart(current);
    readiness.beginShutdown();
    expect(readiness.reasons()).toEqual(['stopping']);
  });
});
