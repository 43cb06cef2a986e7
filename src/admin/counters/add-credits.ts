import { invalidArgument } from '../../domain/api-error.ts';
import type { AddCredits, CounterState } from '../../domain/counting/counter-admin.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { AddCreditsRequest } from '../../generated/weir/admin/v1/counter_service.ts';
import { FieldViolations } from '../fields/field-violations.ts';

const MAX_ADDED_CREDITS = 2 ** 32 - 1;

/** Throws `invalid` if the amount or the id of the request is. */
export function readAddCredits({ credits, requestId }: AddCreditsRequest): AddCredits {
  const violations = new FieldViolations();
  if (credits < 1 || credits > MAX_ADDED_CREDITS) {
    violations.add('credits', withFound(`must be from 1 to ${MAX_ADDED_CREDITS}`, credits));
  }
  if (!/^[\x21-\x7e]{0,64}$/.test(requestId)) {
    violations.add('request_id', withFound('must be at most 64 visible ASCII characters', requestId));
  }
  violations.throwIfAny();
  return { kind: 'add_credits', credits, requestId: requestId === '' ? undefined : requestId };
}

/** The one counter of credits among those that a request selects by `limit`. Throws `invalid` if there is not one. */
export function selectCredits(selected: readonly CounterState[], limit: string): CounterState {
  const counters = selected.filter((counter) => counter.limit.algorithm === 'credits');
  const [counter] = counters;
  if (counter !== undefined && counters.length === 1) return counter;
  const labels = counters.map(({ label }) => label).join(', ');
  const description =
    counter === undefined
      ? 'must be a limit with the algorithm credits'
      : withFound(`must be the label of one limit: ${labels}`, limit);
  throw invalidArgument({ field: 'limit', description });
}
