import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type {
  CounterAdmin,
  CounterChange,
  CounterReading,
  CounterSelection,
  CounterState,
} from '../../domain/counting/counter-admin.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { FieldFault } from '../../domain/validation/field-fault.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type {
  Counter,
  CounterServiceService,
  GetCounterRequest,
  LimitCounter,
} from '../../generated/weir/admin/v1/counter_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import type { TokenVerificationOptions } from '../callers/verify-presented-token.ts';
import { toTimestamp } from '../fields/common-fields.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';
import type { CallContext } from '../methods/call-context.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { readAddCredits, selectCredits } from './add-credits.ts';
import { describeSelector, readSelector } from './read-selector.ts';
import { recordCounterChange } from './record-counter-change.ts';

export interface CounterServiceOptions extends TokenVerificationOptions {
  readonly counters: CounterAdmin;
  readonly authenticate: Authenticate;
}

const KEYS_NOT_BLOCKED =
  'subject.account: the API keys of the account count limits without per: account on their own, so this block does not ' +
  'reach these; AccountService/BlockAccount denies all keys and tokens of the account';

/** Reads and changes counters. For administrators only. */
export function createCounterService(options: CounterServiceOptions): Handlers<CounterServiceService> {
  const { counters, authenticate } = options;
  const select = async ({ subject, limit }: GetCounterRequest, { peer }: CallContext): Promise<CounterSelection> => ({
    selector: await readSelector(subject, peer, options),
    limit,
  });
  /** With `validateOnly`, the answer has the counters as they are. */
  const change = async (
    request: GetCounterRequest & { readonly validateOnly?: boolean | undefined },
    context: CallContext,
    counterChange: CounterChange,
  ) => {
    const selection = await select(request, context);
    if (request.validateOnly === true) return toCounter(selection, await counters.read(selection));
    const counter = toCounter(selection, await counters.change(selection, counterChange));
    recordCounterChange(selection, counterChange);
    return counter;
  };
  return {
    async getCounter(request, context) {
      requireAdmin(await authenticate(context));
      const selection = await select(request, context);
      return toCounter(selection, await counters.read(selection));
    },

    async addCredits(request, context) {
      requireAdmin(await authenticate(context));
      const addition = readAddCredits(request);
      const selection = await select(request, context);
      const reading = await counters.read(selection);
      const { label } = selectCredits(requireRead(selection, reading), request.limit);
      if (request.validateOnly === true) return toCounter(selection, reading);
      const ofCredits = { ...selection, limit: label };
      const counter = toCounter(ofCredits, await counters.change(ofCredits, addition));
      recordCounterChange(ofCredits, addition);
      return counter;
    },

    async resetCounter(request, context) {
      requireAdmin(await authenticate(context));
      return change(request, context, { kind: 'reset' });
    },

    async blockCounter(request, context) {
      requireAdmin(await authenticate(context));
      const seconds = parseDuration(request.duration);
      if (seconds === undefined) {
        const expected = 'must be a whole number and a unit, such as 30s, 5m or 1d, and at most 3650d';
        throw invalidArgument({ field: 'duration', description: withFound(expected, request.duration) });
      }
      const counter = await change(request, context, { kind: 'block', microseconds: seconds * 1_000_000 });
      return request.subject?.subject?.$case === 'account' ? { ...counter, warnings: [KEYS_NOT_BLOCKED] } : counter;
    },

    async unblockCounter(request, context) {
      requireAdmin(await authenticate(context));
      return change(request, context, { kind: 'unblock' });
    },
  };
}

function toCounter(selection: CounterSelection, reading: CounterReading): Counter {
  return { limits: requireRead(selection, reading).map(toLimitCounter), warnings: [] };
}

/** Throws the ApiError of a selection that has no counters, or whose counters cannot be read. */
function requireRead({ selector, limit }: CounterSelection, reading: CounterReading): readonly CounterState[] {
  switch (reading.kind) {
    case 'read':
      return reading.counters;
    case 'unavailable':
      throw new ApiError({ kind: 'counters_unavailable' });
    case 'unknown_subject':
      throw new ApiError({ kind: 'not_found', name: describeSelector(selector) });
    case 'unknown_limit':
      throw invalidArgument(describeUnknownLimit(limit, reading.labels));
  }
}

function describeUnknownLimit(limit: string, labels: readonly string[]): FieldFault {
  if (labels.length === 0) {
    return { field: 'subject', description: 'must have at least one limit; nothing limits this subject' };
  }
  const expected = `must be the name or label of a limit of the subject: ${labels.join(', ')}`;
  return { field: 'limit', description: withFound(expected, limit) };
}

function toLimitCounter({ label, limit, snapshot }: CounterState): LimitCounter {
  return {
    label,
    limit: toLimitMessage(toPlanLimitSpec(limit)),
    remaining: snapshot.remaining,
    resetTime: toTimestamp(snapshot.resetAt),
    blocked: snapshot.isBlocked,
    blockEndTime: toTimestamp(snapshot.blockEndsAt),
  };
}
