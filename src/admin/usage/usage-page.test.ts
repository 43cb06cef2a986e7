import { describe, expect, it } from 'vitest';
import { QueryUsageRequest } from '../../generated/weir/admin/v1/usage_service.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { nextUsagePage, readUsagePage } from './usage-page.ts';

const REQUEST = QueryUsageRequest.fromPartial({ parent: 'accounts/-' });
const ROW = { bucket: Date.UTC(2026, 10), apiKeyId: 'a', route: 'b', planId: 'c', outcome: '' };

function read(pageToken: string) {
  const violations = new FieldViolations();
  const { after } = readUsagePage(violations, { ...REQUEST, pageToken });
  return { after, fields: violations.faults.map(({ field }) => field) };
}

describe('the page token of a query of usage', () => {
  const page = readUsagePage(new FieldViolations(), REQUEST);

  it('has the position of the last row', () => {
    expect(read(nextUsagePage(page, ROW))).toEqual({ after: ROW, fields: [] });
  });

  it.for([1e300, -1e300, 8.64e15, -8.64e15, Date.UTC(10_000, 0), Number.NaN])(
    'is invalid with the made-up time %d, although it has the digest of the query',
    (bucket) => {
      expect(read(nextUsagePage(page, { ...ROW, bucket }))).toEqual({ after: undefined, fields: ['page_token'] });
    },
  );
});
