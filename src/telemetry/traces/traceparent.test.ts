import { describe, expect, it } from 'vitest';
import { isSampled, parseTraceparent } from './traceparent.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

describe('parseTraceparent', () => {
  it.each([
    ['of version 00', `00-${TRACE_ID}-${SPAN_ID}-01`, 1],
    ['of an unsampled span', `00-${TRACE_ID}-${SPAN_ID}-00`, 0],
    ['with flags that are not known yet', `00-${TRACE_ID}-${SPAN_ID}-fe`, 0xfe],
    ['of a later version, with more fields', `cc-${TRACE_ID}-${SPAN_ID}-01-what`, 1],
  ])('reads a header %s', (_, header, flags) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, flags });
    expect(isSampled(header)).toBe(flags % 2 === 1);
  });

  it.each([
    '',
    `ff-${TRACE_ID}-${SPAN_ID}-01`,
    `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
    `00-${TRACE_ID}-${SPAN_ID}-01-more`,
    `00-${TRACE_ID}-${SPAN_ID}-1`,
    `00-${TRACE_ID}-${SPAN_ID}`,
  ])('takes %j as absent', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
