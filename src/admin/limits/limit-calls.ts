import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { CallOutcome } from '../../domain/rules/reserved-domains.ts';
import type { LimitedCall } from '../../interfaces/admin-limits.ts';
import type { CallContext } from '../methods/call-context.ts';
import { readText } from '../methods/read-text.ts';
import { mapDatabaseErrors, mapHandlers, type UnaryService } from '../methods/unary-service.ts';
import type { BegunCall, CallLimits } from './call-limits.ts';
import { CallerTurns } from './caller-turns.ts';
import { classifyFailure, type DescribeCallOptions, describeCall, readEmail } from './describe-call.ts';
import { BRAKE_METHOD, hashesPassword, methodName } from './open-methods.ts';
import { OpenRooms } from './open-rooms.ts';
import { presentsSession } from './presents-session.ts';
import { RejectionPacer } from './rejection-pacer.ts';
import type { SignInNetworks } from './sign-in-networks.ts';
import { SignInTurns } from './sign-in-turns.ts';

export interface LimitCallsOptions extends DescribeCallOptions {
  readonly limits: CallLimits;
  readonly networks: SignInNetworks;
  readonly database: Database;
  /** Counts a call that was rejected before any work. */
  recordRejection(method: string, reason: RejectionReason): void;
}

/**
 * Why a call was rejected: a limit of the domain `admin`, too many calls in progress, or no turn for a password hash
 * within the longest wait.
 */
export type RejectionReason = 'limit' | 'in_progress' | 'turn';

const SIGN_INS: ReadonlySet<string> = new Set(['AuthService/Login', 'AuthService/Register']);
const UNLIMITED: BegunCall = { kind: 'admitted', end: async () => {} };

/**
 * Limits the calls of the admin plane, before any password is hashed and the database is asked. All transports that serve
 * the admin API must use the same object, so that their calls count together.
 */
export interface AdminCallLimiter {
  /** Limits the calls of a service. */
  limitService(service: UnaryService): UnaryService;
  /** Does the work of a call to `path`, `/package.Service/Method`. Throws `too_many_calls` if a limit rejects the call. */
  limitCall<T>(path: string, context: CallContext, work: () => Promise<T>): Promise<T>;
}

export function createCallLimiter(options: LimitCallsOptions): AdminCallLimiter {
  const limiter = new CallLimiter(options);
  return {
    limitService(service) {
      const limited = mapHandlers(service, (name, handle) => {
        const method = methodName(service.definition[name]?.path ?? '');
        return (request, context) => limiter.run(method, request, context, () => handle(request, context));
      });
      return mapDatabaseErrors(limited); // of its own queries
    },
    limitCall: (path, context, work) => limiter.run(methodName(path), undefined, context, work),
  };
}

class CallLimiter {
  readonly #options: LimitCallsOptions;
  readonly #rooms = new OpenRooms();
  readonly #turns = new SignInTurns();
  readonly #callers = new CallerTurns();
  readonly #pacer = new RejectionPacer();

  constructor(options: LimitCallsOptions) {
    this.#options = options;
  }

  async run<T>(method: string, request: unknown, context: CallContext, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#runInRoom(method, request, context, work);
    } catch (error) {
      // Outside of the room, which a rejected call must not hold.
      if (isRejection(error)) await this.#pacer.pace();
      throw error;
    }
  }

  async #runInRoom<T>(method: string, request: unknown, context: CallContext, work: () => Promise<T>): Promise<T> {
    const network = clientNetwork(context.peer);
    const leave = this.#rooms.enter(method, network, this.#turns.isTrusted(network));
    if (leave === undefined) return this.#reject(method, 'in_progress', 1);
    try {
      if (method === BRAKE_METHOD) return await work();
      const call = await describeCall(method, request, context, this.#options);
      return await this.#runInAccount(call, request, work);
    } finally {
      leave();
    }
  }

  async #runInAccount<T>(call: LimitedCall, request: unknown, work: () => Promise<T>): Promise<T> {
    const leave = call.isAuthenticated ? this.#callers.enter(call.account ?? '') : () => {};
    if (leave === undefined) return this.#reject(call.method, 'in_progress', 1);
    try {
      const begun = await this.#begin(call, request);
      return await this.#finish(call, begun, request, work);
    } finally {
      leave();
    }
  }

  /** Throws `too_many_calls` if a limit rejects the call. */
  async #begin(call: LimitedCall, request: unknown): Promise<BegunCall> {
    const { limits, networks, database } = this.#options;
    const admission = await limits.begin(call);
    if (admission.kind === 'admitted') return admission;
    // Strangers in the same network must not end the session of somebody who has signed in.
    if (await presentsSession(database, request)) return UNLIMITED;
    if (admission.isForUnknownNetworks) {
      // Before the look-up, so that the limits of the network bound the number of look-ups.
      const known = await limits.begin({ ...call, isKnownNetwork: true });
      if (known.kind === 'rejected') return this.#reject(call.method, 'limit', known.retryAfterSeconds);
      if (await networks.includes(readEmail(request) ?? '', clientNetwork(call.remoteAddress))) return known;
    }
    return this.#reject(call.method, 'limit', admission.retryAfterSeconds);
  }

  async #finish<T>(call: LimitedCall, begun: BegunCall, request: unknown, work: () => Promise<T>): Promise<T> {
    let outcome: CallOutcome = 'failed';
    try {
      const response = await this.#takeTurn(call, request, work);
      outcome = 'ok';
      if (SIGN_INS.has(call.method) && hasAccessToken(response)) await this.#rememberNetwork(call, request);
      return response;
    } catch (error) {
      if (outcome !== 'ok') outcome = classifyFailure(call, error);
      throw error;
    } finally {
      await begun.end(outcome);
    }
  }

  async #takeTurn<T>(call: LimitedCall, request: unknown, work: () => Promise<T>): Promise<T> {
    const { method, isAuthenticated, account = '', remoteAddress } = call;
    if (!hashesPassword(method, request)) {
      if (!isAuthenticated) return work();
      return this.#callers.run(account, work, () => this.#options.recordRejection(method, 'turn'));
    }
    // Strangers in the same network must not delay somebody who has signed in.
    const turns = isAuthenticated ? `account ${account}` : clientNetwork(remoteAddress);
    return this.#turns.run(turns, work, () => this.#options.recordRejection(method, 'turn'));
  }

  async #rememberNetwork(call: LimitedCall, request: unknown): Promise<void> {
    const network = clientNetwork(call.remoteAddress);
    this.#turns.trust(network);
    await this.#options.networks.add(readEmail(request) ?? '', network);
  }

  #reject(method: string, reason: RejectionReason, retryAfterSeconds: number): never {
    this.#options.recordRejection(method, reason);
    throw new ApiError({ kind: 'too_many_calls', retryAfterSeconds });
  }
}

/** Register has none while an e-mail address has to be verified first. */
function hasAccessToken(response: unknown): boolean {
  return Boolean(readText(response, 'accessToken'));
}

function isRejection(error: unknown): boolean {
  return error instanceof ApiError && error.reason.kind === 'too_many_calls';
}
