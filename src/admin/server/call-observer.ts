import { BriefMemory } from '../../collections/brief-memory.ts';
import type { CallEvent, CallEvents } from '../../database/audit/call-events.ts';
import { type AdminCall, createCall, runCall } from '../../database/audit/current-call.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { CallContext } from '../methods/call-context.ts';
import { findResource } from '../methods/find-resource.ts';
import { CallLog, nameService } from './call-log.ts';
import { describeRejection } from './error-status.ts';

export interface ObserverOptions {
  readonly log: Logger;
  /** Records the calls that no trigger records; undefined: the node does not write the catalog. */
  readonly callEvents: Pick<CallEvents, 'recordLater' | 'recordNow'> | undefined;
}

export interface ObservedMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** As log lines name it, such as `createPlan`. */
  readonly name: string;
  readonly isReadOnly: boolean;
}

/** The messages of a call, as far as it has come. */
export interface SeenMessages {
  request?: unknown;
  response?: unknown;
}

/** A flood of rejected calls has one event in this time for each network and method. */
const REJECTION_EVENT_MS = 60_000;
/** Networks and methods that are remembered for that. */
const MAX_REMEMBERED_REJECTIONS = 10_000;

/**
 * Logs each call and records the refused ones as audit events, except for methods that only read: of these it logs failures,
 * and what was found out about a credential.
 */
export class CallObserver {
  readonly #callEvents: ObserverOptions['callEvents'];
  readonly #log: CallLog;
  readonly #recordedRejections = new BriefMemory<true>(REJECTION_EVENT_MS, MAX_REMEMBERED_REJECTIONS);

  constructor({ log, callEvents }: ObserverOptions) {
    this.#callEvents = callEvents;
    this.#log = new CallLog(log);
  }

  /** Handles a call. Returns and throws what `handle` does. */
  async observe<Result>(
    method: ObservedMethod,
    { requestId, peer }: CallContext,
    handle: (seen: SeenMessages) => Promise<Result>,
  ): Promise<Result> {
    const call = createCall({ requestId, peer, method: method.path.slice(1) });
    const seen: SeenMessages = {};
    const startedAt = performance.now();
    const describe = () => ({
      ...{ requestId, service: nameService(method.path), method: method.name, actor: call.actor.name, peer },
      resource: call.resource ?? findResource(seen.request, seen.response),
      durationMs: Math.round(performance.now() - startedAt),
    });
    try {
      const result = await runCall(call, () => handle(seen));
      const described = describe();
      if (!method.isReadOnly || call.outcome !== undefined) this.#log.completed(described, call.outcome);
      if (call.changes !== undefined && !isOnlyValidated(seen.request)) {
        await this.#callEvents?.recordNow({ ...toEvent(call, described.resource, 'OK'), changes: call.changes });
      }
      return result;
    } catch (error) {
      const described = describe();
      this.#log.failed(described, error);
      const { reason } = describeRejection(error);
      if (!method.isReadOnly && this.#isRecorded(call, reason)) {
        this.#callEvents?.recordLater(toEvent(call, described.resource, reason));
      }
      throw error;
    }
  }

  /** Whether a failure has an event. One of a node that never changes anything has none. */
  #isRecorded({ peer, method }: AdminCall, reason: string): boolean {
    if (reason === 'ROLE_DECISION') return false;
    if (reason !== 'TOO_MANY_CALLS') return true;
    const flood = `${clientNetwork(peer)} ${method}`;
    const now = performance.now();
    if (this.#recordedRejections.recall(flood, now)) return false;
    this.#recordedRejections.remember(flood, true, now);
    return true;
  }
}

function isOnlyValidated(request: unknown): boolean {
  return typeof request === 'object' && request !== null && 'validateOnly' in request && request.validateOnly === true;
}

/**
 * Users read what others have tried with their own account, if the handler has named it: anybody can name any account in a
 * request.
 */
function toEvent(
  { requestId, method, peer, actor, resource: named }: AdminCall,
  resource: string,
  result: string,
): CallEvent {
  const accountId = /^accounts\/([^/]+)/.exec(named ?? '')?.[1] ?? actor.accountId;
  return { requestId, method, peer, actor, resource, accountId, result, changes: [] };
}
