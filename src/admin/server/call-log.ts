import { ApiError } from '../../domain/api-error.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { describeRejection, toErrorStatus } from './error-status.ts';

/** Rejections of a flood are logged this often, with their number. */
const FLOOD_LOG_INTERVAL_MS = 10_000;

/** A call that has ended, as its log line names it. */
export interface LoggedCall {
  readonly requestId: string;
  /** Such as `PlanService`. */
  readonly service: string;
  /** Such as `createPlan`. */
  readonly method: string;
  /** Empty: nobody is known to have called. */
  readonly actor: string;
  readonly peer: string;
  /** Empty: the call names none. */
  readonly resource: string;
  readonly durationMs: number;
}

/** The service in a path `/package.Service/Method`, without its package. Methods such as `changePlan` belong to several. */
export function nameService(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1, path.lastIndexOf('/'));
}

/** Writes the log lines of calls. */
export class CallLog {
  readonly #log: Logger;
  #floodLoggedAt = Number.NEGATIVE_INFINITY;
  #unloggedRejections = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Logs a call that succeeded. `outcome` is what it found out, if that is worth a line. */
  completed(call: LoggedCall, outcome?: string): void {
    this.#log.info({ ...call, result: 'OK', ...(outcome !== undefined && { outcome }) }, 'admin call completed');
  }

  /** Logs a failed call. Only a bug has a stack trace. */
  failed(call: LoggedCall, error: unknown): void {
    const { reason: result, ...rejection } = describeRejection(error);
    if (!(error instanceof ApiError)) {
      this.#log.error({ err: error, ...call, result }, 'admin call failed');
      return;
    }
    const { kind } = error.reason;
    if (kind === 'too_many_calls' && !this.#countFlood()) return;
    const unlogged = this.#unloggedRejections;
    this.#unloggedRejections = 0;
    const fields = {
      ...call,
      result,
      code: toErrorStatus(error).code,
      ...rejection,
      ...(unlogged > 0 && { unlogged }),
    };
    if (kind === 'unavailable') this.#log.error({ ...fields, cause: describeCause(error.cause) }, 'admin call failed');
    else this.#log.info(fields, 'admin call rejected');
  }

  /** Returns whether this rejection is logged. */
  #countFlood(): boolean {
    const now = performance.now();
    if (now - this.#floodLoggedAt < FLOOD_LOG_INTERVAL_MS) {
      this.#unloggedRejections += 1;
      return false;
    }
    this.#floodLoggedAt = now;
    return true;
  }
}

/** Says why Postgres is unavailable: the code of the error, or the first line of its message. */
function describeCause(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message.split('\n', 1)[0];
}
