import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type {
  AdminCounter,
  CounterAccess,
  CounterChange,
  CounterSelector,
} from '../../domain/counting/counter-admin.ts';
import { withFound } from '../../domain/found-value.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type {
  Counter,
  CounterServiceService,
  CounterSubject,
  DescriptorSubject,
  GetCounterRequest,
  LimitCounter,
} from '../../generated/weir/admin/v1/counter_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { toTimestamp } from '../shared/common-fields.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { toLimitMessage } from '../shared/limits-and-features.ts';
import { type PeekedCounter, peekCounters } from '../shared/peek-counters.ts';
import { requireResourceName } from '../shared/resource-names.ts';
import type { Handlers } from '../shared/unary-service.ts';

export interface CounterServiceOptions {
  readonly counters: CounterAccess;
  readonly authenticate: Authenticate;
}

/** Reads and changes counters. For administrators only. */
export function createCounterService({
  counters: access,
  authenticate,
}: CounterServiceOptions): Handlers<CounterServiceService> {
  const change = async (request: GetCounterRequest, counterChange: CounterChange) => {
    const counters = findCounters(access, request);
    if (!(await access.change(counters, counterChange))) throw new ApiError({ kind: 'counters_unavailable' });
    return readCounters(access, counters);
  };
  return {
    async getCounter(request, context) {
      requireAdmin(await authenticate(context));
      return readCounters(access, findCounters(access, request));
    },

    async resetCounter(request, context) {
      requireAdmin(await authenticate(context));
      return change(request, { kind: 'reset' });
    },

    async blockCounter(request, context) {
      requireAdmin(await authenticate(context));
      const seconds = parseDuration(request.duration);
      if (seconds === undefined) {
        const expected = 'must be a whole number and a unit, such as 30s, 5m or 1d, and at most 3650d';
        throw invalidArgument({ field: 'duration', description: withFound(expected, request.duration) });
      }
      return change(request, { kind: 'block', microseconds: seconds * 1_000_000 });
    },

    async unblockCounter(request, context) {
      requireAdmin(await authenticate(context));
      return change(request, { kind: 'unblock' });
    },
  };
}

async function readCounters(access: CounterAccess, counters: readonly AdminCounter[]): Promise<Counter> {
  const peeked = await peekCounters(access, counters);
  if (peeked === undefined) throw new ApiError({ kind: 'counters_unavailable' });
  return { limits: peeked.map(toLimitCounter) };
}

function toLimitCounter({ counter: { label, limit }, snapshot }: PeekedCounter): LimitCounter {
  return {
    label,
    limit: toLimitMessage(toPlanLimitSpec(limit)),
    remaining: snapshot.remaining,
    resetTime: toTimestamp(snapshot.resetAt),
    blocked: snapshot.isBlocked,
    blockEndTime: toTimestamp(snapshot.blockEndsAt),
  };
}

/** The counters that a request selects, at least one. Throws `invalid` or `not_found`. */
function findCounters(access: CounterAccess, { subject, limit }: GetCounterRequest): readonly AdminCounter[] {
  const selector = readSelector(subject);
  const counters = access.find(selector);
  if (counters === undefined) throw new ApiError({ kind: 'not_found', name: describeSelector(selector) });
  if (counters.length === 0) {
    throw invalidArgument({
      field: 'subject',
      description: 'must have at least one limit; nothing limits this subject',
    });
  }
  if (limit === '') return counters;
  const selected = counters.filter((counter) => counter.limit.name === limit || counter.label === limit);
  if (selected.length > 0) return selected;
  const labels = counters.map(({ label }) => label).join(', ');
  const description = withFound(`must be the name or label of a limit of the subject: ${labels}`, limit);
  throw invalidArgument({ field: 'limit', description });
}

function readSelector(message: CounterSubject | undefined): CounterSelector {
  const subject = message?.subject;
  switch (subject?.$case) {
    case 'descriptor':
      return readDescriptorSelector(subject.value);
    case 'apiKey':
      return { kind: 'api_key', id: requireResourceName('apiKeys', 'subject.api_key', subject.value) };
    case 'account':
      return { kind: 'account', id: requireResourceName('accounts', 'subject.account', subject.value) };
    case undefined:
      throw invalidArgument({ field: 'subject', description: 'must be one of descriptor, api_key, account' });
  }
}

function readDescriptorSelector({ domain, entries }: DescriptorSubject): CounterSelector {
  const violations = new FieldViolations();
  if (domain === '') violations.add('subject.descriptor.domain', 'must not be empty');
  if (entries.length === 0) violations.add('subject.descriptor.entries', 'must contain at least one entry');
  violations.throwIfAny();
  return { kind: 'descriptor', domain, entries };
}

/** The subject of a "does not exist" error. */
function describeSelector(selector: CounterSelector): string {
  if (selector.kind === 'descriptor')
    return `a rule of the domain ${JSON.stringify(selector.domain)} for these entries`;
  return selector.kind === 'api_key' ? `apiKeys/${selector.id}` : `accounts/${selector.id}`;
}
