import { randomUUID } from 'node:crypto';
import type { CheckQuestion } from '../../decide/check/check-question.ts';
import { FIRST_VISIBLE_CODE, LAST_VISIBLE_CODE } from '../wire/wire-writer.ts';

/** A longer id may carry a payload. */
const MAX_REQUEST_ID_LENGTH = 128;
/**
 * Returns the request's own id; undefined if it has none, or one that is not safe to repeat in responses and logs. A
 * loop is faster than a regular expression.
 */
function usableRequestId({ requestIdHeader: id }: CheckQuestion): string | undefined {
  if (id === undefined || id === '' || id.length > MAX_REQUEST_ID_LENGTH) return undefined;
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    // Other characters could break a log line.
    if (code < FIRST_VISIBLE_CODE || code > LAST_VISIBLE_CODE) return undefined;
  }
  return id;
}

/** Ids of requests without a usable one. */
const generatedIds = new WeakMap<CheckQuestion, string>();

/** Returns the request's own id if it is usable, else a new one: the same for each call with the same question. */
export function chooseRequestId(question: CheckQuestion): string {
  const own = usableRequestId(question);
  if (own !== undefined) return own;
  let generated = generatedIds.get(question);
  if (generated === undefined) {
    generated = randomUUID();
    generatedIds.set(question, generated);
  }
  return generated;
}
