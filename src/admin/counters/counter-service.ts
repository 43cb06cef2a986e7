import { ApiError, invalidArgument } from '../../domain/api-error.ts';
import type {
  AdminCounter,
  CounterAccess,
  CounterChange,
  CounterSnapshot,
  CounterSelector,
} from '../../domain/counting/counter-admin.ts';
import { parseDuration } from '../../domain/limits/duration.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type {
  CounterServiceService,
  GetCounterRequest,
  LimitCounter,
  CounterSubject as SubjectMessage,
} from '../../generated/weir/admin/v1/counter_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { toLimitMessages } from '../shared/limits-and-features.ts';
import type { Handlers } from '../shared/service.ts';

export interface CounterServiceOptions {
  readonly counters: CounterAccess;
  readonly authenticate: Authenticate;
}

/** For administrators only. */
export function createCounterService({
  counters: access,
  authenticate,
}: CounterServiceOptions): Handlers<CounterServiceService> {
  const changed = async (request: GetCounterRequest, change: CounterChange) => {
    const counters = find(access, request);
    if (!(await access.change(counters, change))) throw new ApiError({ kind: 'counters_unavailable' });
    return look(access, counters);
  };
  return {
    async getCounter(request, context) {
      requireAdmin(await authenticate(context));
      return look(access, find(access, request));
    },

    async resetCounter(request, context) {
      requireAdmin(await authenticate(context));
      return changed(request, { kind: 'reset' });
    },

    async blockCounter(request, context) {
      requireAdmin(await authenticate(context));
      const seconds = parseDuration(request.duration);
      if (seconds === undefined) {
        const description = 'must be a whole number and a unit, such as 30s, 5m or 1d, and at most 3650d';
        throw invalidArgument({ field: 'duration', description });
      }
      return changed(request, { kind: 'block', microseconds: seconds * 1_000_000 });
    },

    async unblockCounter(request, context) {
      requireAdmin(await authenticate(context));
      return changed(request, { kind: 'unblock' });
    },
  };
}

async function look(access: CounterAccess, counters: readonly AdminCounter[]) {
  const states = await access.peek(counters);
  if (states === undefined) throw new ApiError({ kind: 'counters_unavailable' });
  return { limits: counters.flatMap((counter, place) => limitCounter(counter, states[place])) };
}

function limitCounter({ label, limit }: AdminCounter, state: CounterSnapshot | undefined): LimitCounter[] {
  if (state === undefined) return [];
  const { remaining, resetAt, isBlocked, blockEndsAt } = state;
  const [message] = toLimitMessages([toPlanLimitSpec(limit)]);
  const dateOf = (time: number | undefined) => (time === undefined ? undefined : new Date(time));
  return [
    {
      label,
      limit: message,
      remaining,
      resetTime: dateOf(resetAt),
      blocked: isBlocked,
      blockEndTime: dateOf(blockEndsAt),
    },
  ];
}

/** At least one; throws `invalid` or `not_found`. */
function find(access: CounterAccess, { subject: message, limit }: GetCounterRequest): readonly AdminCounter[] {
  const subject = readSubject(message);
  const counters = access.find(subject);
  if (counters === undefined) throw new ApiError({ kind: 'not_found', name: nameOf(subject) });
  if (counters.length === 0)
    throw invalidArgument({ field: 'subject', description: 'has no counters: nothing limits it' });
  if (limit === '') return counters;
  const named = counters.filter((each) => each.limit.name === limit || each.label === limit);
  if (named.length > 0) return named;
  const names = counters.map(({ label }) => label).join(', ');
  throw invalidArgument({
    field: 'limit',
    description: `must be the name or the label of one that counts this: ${names}`,
  });
}

function nameOf(subject: CounterSelector): string {
  if (subject.kind === 'descriptor') return `a rule of the domain ${JSON.stringify(subject.domain)} for these entries`;
  return subject.kind === 'api_key' ? `apiKeys/${subject.id}` : `accounts/${subject.id}`;
}

function readSubject(message: SubjectMessage | undefined): CounterSelector {
  const faults = new FieldViolations();
  const { subject } = message ?? {};
  const read = (): CounterSelector | undefined => {
    switch (subject?.$case) {
      case 'descriptor': {
        const { domain, entries } = subject.value;
        if (domain === '') faults.add('subject.descriptor.domain', 'must not be empty');
        if (entries.length === 0) faults.add('subject.descriptor.entries', 'must be at least one');
        return { kind: 'descriptor', domain, entries };
      }
      case 'apiKey':
        return { kind: 'api_key', id: faults.idOf('apiKeys', 'subject.api_key', subject.value) };
      case 'account':
        return { kind: 'account', id: faults.idOf('accounts', 'subject.account', subject.value) };
      case undefined:
        faults.add('subject', 'must be a descriptor, an api_key or an account');
        return undefined;
    }
  };
  const found = read();
  faults.throwIfAny();
  if (found === undefined) throw new Error('a subject without faults was not read');
  return found;
}
