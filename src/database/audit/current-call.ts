import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor, FieldChange } from '../../domain/audit-event.ts';

/** A call of the admin API in progress, as audit events and log lines name it. */
export interface AdminCall {
  readonly requestId: string;
  /** `package.Service/Method`. */
  readonly method: string;
  /** IP address of the client. */
  readonly peer: string;
  /** Set by the handler, once it knows who calls. */
  actor: Actor;
  /** The name of the resource, where the handler knows more than the request says. */
  resource?: string;
  /** The changes of a call that changes no row of Postgres. */
  changes?: readonly FieldChange[];
  /** The state of the credential that a call has described. */
  outcome?: string;
}

const NOBODY: Actor = { kind: 'ANONYMOUS', name: '' };

const calls = new AsyncLocalStorage<AdminCall>();

/** Starts to describe a call. Nobody is known to make it yet. */
export function createCall(call: Pick<AdminCall, 'requestId' | 'method' | 'peer'>): AdminCall {
  return { ...call, actor: NOBODY };
}

/** Runs the handler of a call. The changes that it makes in Postgres are recorded as those of the call. */
export function runCall<Result>(call: AdminCall, handle: () => Result): Result {
  return calls.run(call, handle);
}

/** The call in progress; undefined: Weir runs a job of its own. */
export function currentCall(): AdminCall | undefined {
  return calls.getStore();
}

/** Says who makes the call in progress. Call it before the call changes anything. */
export function nameActor(actor: Actor): void {
  const call = currentCall();
  if (call !== undefined) call.actor = actor;
}

/** Says which resource the call in progress is about. Never pass on a name that the caller made up. */
export function nameResource(resource: string): void {
  const call = currentCall();
  if (call !== undefined) call.resource = resource;
}

/** Says which credential the call in progress has described, for its log line. */
export function noteOutcome(resource: string, outcome: string): void {
  const call = currentCall();
  if (call !== undefined) Object.assign(call, { resource, outcome });
}

/** Records a change of the call in progress that changes no row of Postgres. */
export function recordChange(resource: string, changes: readonly FieldChange[]): void {
  const call = currentCall();
  if (call !== undefined) Object.assign(call, { resource, changes });
}
