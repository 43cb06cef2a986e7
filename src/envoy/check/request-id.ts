import { randomUUID } from 'node:crypto';
import type { CheckQuestion } from '../../decide/check/check-question.ts';

/** A longer id may carry a payload. */
const MAX_REQUEST_ID_LENGTH = 128;
/** Printable ASCII without the space. Other characters could break a log line. */
const FIRST_USABLE_CODE = 0x21;
const LAST_USABLE_CODE = 0x7e;

/**
 * Returns the request's own id; undefined if it has none, or one that is not safe to repeat in responses and logs. A
 * loop is faster than a regular expression.
 */
function usableRequestId({ requestIdHeader: id }: CheckQuestion): string | undefined {
  if (id === undefined || id === '' || id.length > MAX_REQUEST_ID_LENGTH) return undefined;
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    if (code < FIRST_USABLE_CODE || code > LAST_USABLE_CODE) return undefined;
  }
  return id;
}

/** Returns the request's own id if it is usable, else a new one. */
export function chooseRequestId(question: CheckQuestion): string {
  return usableRequestId(question) ?? randomUUID();
}
