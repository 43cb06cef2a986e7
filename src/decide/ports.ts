import type { AccountRecord, AccountState } from '../domain/account-state.ts';
import type { CounterChange } from '../domain/counting/counter-admin.ts';
import type { ApiKeyPolicy } from '../domain/credentials/api-key-policy.ts';
import type { DeviceKey, DeviceRegistration } from '../domain/device.ts';
import type { CountedLimit } from '../domain/limits/limit.ts';
import type { Plan } from '../domain/limits/plan.ts';
import type { SupersededLimitSpec } from '../domain/limits/superseded-limit.ts';
import type { TokenTrust, Verification, VerifiedToken } from '../domain/tokens/token.ts';
import type { UsageDimensions, UsageOutcome } from '../domain/usage/usage-row.ts';
import type { ReceiptKeys } from './receipts/receipt-keys.ts';

/**
 * The ports of decide/: what it needs from the counters, the catalog and the token verifier. Those folders implement
 * these interfaces; decide/ never imports them. MUST binds an implementation. WILL says what decide/ does with it.
 * Microseconds and Unix times in µs come from the clock of the store that answered, never from this process.
 */

/** Hits charged to one counter. */
export interface Charge {
  /**
   * Subject of the counter, escaped (domain/counting/counter-subject.ts). With `limit.identity` it names the counter.
   */
  readonly subject: string;
  readonly limit: CountedLimit;
  /** At least 0. With 0 the store reads the counter and changes nothing. */
  readonly hits: number;
  /** True for hits that were already spent. The store charges them even if they do not fit, and never rejects them. */
  readonly isSettlement?: boolean;
  /**
   * Latest time at which the hits will be spent, in µs from now. They count from then on. Left out: they are spent now.
   */
  readonly spentWithinMicros?: number;
  /** Hits that must stay free when these are granted: others have asked for them elsewhere. Left out: none. */
  readonly reservedHits?: number;
  /**
   * Where the store keeps the counter. A caller that keeps the charge for later decisions sets it to null. The store
   * may then write a handle of its own, to find the counter faster when the same object comes again. undefined: the
   * store writes nothing. A store MUST ignore a handle that it did not write itself.
   */
  storeHandle?: object | null | undefined;
}

/** The charges of one request: the store grants all of them or none. It sums charges on the same counter. */
export interface Decision {
  readonly charges: readonly Charge[];
}

/** Proof of a grant. With it the granted hits can be refunded. */
export interface Receipt {
  /** Unique among all receipts. undefined: the receipt never leaves this process, which refunds it once at most. */
  readonly id: string | undefined;
  /** The part that granted the hits. They are refunded there and nowhere else. */
  readonly source: Source;
  /** Unix time in µs, by the clock of `source`. From then on the store ignores the receipt. */
  readonly expiresAt: number;
  readonly granted: readonly GrantedCharge[];
}

/** Hits that a grant charged to one counter. */
export interface GrantedCharge {
  readonly charge: Charge;
  /** Unix time in µs at which the hits stop counting without a refund: `freeAt` of the charge's outcome. */
  readonly countsUntil: number;
  /** `lateChargeId` of the charge's outcome. */
  readonly lateChargeId?: string | undefined;
}

/** Result of one charge. Durations are in µs. */
export interface ChargeOutcome {
  /** Whether this counter on its own would have rejected the decision. */
  readonly exceeded: boolean;
  /** Hits that are free after the decision, at least 0. */
  readonly remaining: number;
  /**
   * Time until the whole limit is free again if nothing more is charged. 0: it is free now. For credits that are spent or
   * added, the time until `CREDITS_END`.
   */
  readonly resetAfter: number;
  /** Unix time in µs at which the whole limit is free again, by the clock of the store. */
  readonly freeAt: number;
  /** Time until the same hits fit if nobody else spends them. undefined: not exceeded, or they will never fit. */
  readonly retryAfter: number | undefined;
  /** Time until the block ends that rejects the hits. The next rejection may start another. undefined: no block. */
  readonly blockedFor: number | undefined;
  /**
   * Id of the late charge with which the store will count the hits, because it could not be asked. A receipt with it can
   * be refunded through every node. undefined: the hits are counted.
   */
  readonly lateChargeId?: string | undefined;
}

/**
 * The part that decided. `memory` and `redis` are the stores themselves. This process decides on their behalf when it
 * has seen that a limit is used up (`local`), or has leased a slice of it (`lease`). While the store is unreachable,
 * the process decides alone (`fail-local`), lets the request pass (`fail-open`), or rejects it
 * (`fail-deny`): no store has that source.
 */
export type Source = 'memory' | 'redis' | 'local' | 'lease' | 'fail-local' | 'fail-open' | 'fail-deny';

/** Result of one decision. */
export interface Outcome {
  readonly granted: boolean;
  readonly source: Source;
  /** One for each charge of the decision, in the same order. */
  readonly charges: readonly ChargeOutcome[];
}

/** An outcome, or StoreUnavailable if the store cannot say what it decided. */
export type DecisionResult = Outcome | StoreUnavailable;

/** A manual change of one counter. `subject` and `limit` name the counter as those of a charge do. */
export interface Correction {
  readonly subject: string;
  readonly limit: CountedLimit;
  readonly change: CounterChange;
}

/** A value, or a promise of it. A value at hand is returned as it is: a promise would cost a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Applies `next` to a value: at once if it is at hand, else when its promise resolves. */
export function mapMaybe<T, Next>(value: MaybePromise<T>, next: (value: T) => MaybePromise<Next>): MaybePromise<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/**
 * Counts hits. A method MUST NOT throw or reject because counters are unreachable: it answers StoreUnavailable in their
 * place. A method that throws or rejects has a bug.
 */
export interface CounterStore {
  /**
   * Decides a batch in order, as if each decision came alone. A rejected decision MUST charge nothing, except for the
   * charges that `isChargedIfRejected` names (rejected-charges.ts): it MUST charge all of these. What does not fit
   * becomes debt, of at most 4294967295 hits; in a token bucket, of at most what one window refills. MUST answer one
   * result for each decision, in the same order, within the store's deadline. A decision that is answered with
   * StoreUnavailable may have been executed already. It SHOULD NOT be executed later.
   *
   * `waitMs` replaces the store's deadline: the callers wait that long for the results. undefined: the store's own. The
   * parameter is required so that a wrapper which does not pass it on does not compile.
   */
  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]>;
  /**
   * Refunds the granted hits of receipts. MUST refund a receipt once, however often it comes, and MUST NOT refund hits
   * that have stopped counting. MUST answer one result for each receipt, in the same order.
   */
  refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]>;
  /**
   * Changes counters manually, each one independently. MUST answer one result for each correction, in the same order:
   * undefined when it is done, StoreUnavailable if the store cannot say whether it is done. Other nodes may act on
   * their old knowledge of the counters for up to a second: 250 ms for cached rejections, the lifetime of a slice for
   * leases.
   */
  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]>;
}

/** Hits freed by a receipt, summed over its charges. undefined: the receipt was used before, or has expired. */
export type RefundResult = number | undefined | StoreUnavailable;

/**
 * Why counters could not be asked. `deadline`: a server did not answer in time. `silent`: a server has been silent for so
 * long that it is only probed, or that this node decides alone until it answers. `disconnected`: there is no connection.
 * `failed`: the server rejected the call. `full`: this process has no room for more counters. `restoring`: the counters
 * were lost and are being restored.
 */
export type UnavailableReason = 'deadline' | 'silent' | 'disconnected' | 'failed' | 'full' | 'restoring';

/** The counters are unreachable or did not answer in time. The message is for the log, never for callers. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly reason: UnavailableReason;

  constructor(message: string, reason: UnavailableReason = 'failed') {
    super(message);
    this.reason = reason;
  }
}

/** An API key, as far as decisions need it. */
export interface KeyRecord {
  /** Resource name without `apiKeys/`. */
  readonly id: string;
  /** Counts the key's requests. It survives rotation, so that a new secret does not bring a new budget. */
  readonly counterId: string;
  readonly accountId: string;
  /** The key's own plan, or its account's if it has none. */
  readonly planId: string;
  readonly policy: ApiKeyPolicy;
  /**
   * Limits from before the plan that counts: of plans of the key and, if it is on its account's plan, of the account. The
   * same list as long as the record. Left out or undefined: there are none.
   */
  readonly supersededPlanLimits?: readonly SupersededLimitSpec[] | undefined;
  /** Whether the key itself is disabled. */
  readonly disabled: boolean;
  readonly accountState: AccountState;
  /** Unix time in ms. undefined: the key never expires. */
  readonly expiresAt: number | undefined;
  /**
   * Minute since 1970 in which the use of the key was last noted. Only usage/ reads and writes it, to note once a
   * minute.
   */
  notedInMinute?: number;
}

/**
 * The node's copy of the catalog. Every method MUST answer from memory, and MUST NOT throw. undefined: there is no such
 * entry. A changed record MUST be another object, and an unchanged one SHOULD stay the same: decide/ caches charges by
 * the identity of records.
 */
export interface Catalog extends ReceiptKeys {
  /**
   * Whether the copy was cut off from the database for longer than the configuration allows. Credentials may have been
   * revoked since, so decide/ WILL let no credential in while it is true.
   */
  readonly isTooStale: boolean;
  /** Set where there is no catalog, and never will be: the domain `plans` is then one like any other. */
  readonly isAbsent?: true;
  /** Finds the key of a secret. Keys of accounts that are not in the catalog are unknown. decide/ WILL only pass secrets that `isApiKey` accepts. */
  keyBySecret(secret: string): KeyRecord | undefined;
  /** Whether the catalog has keys that another service issued, and they are accepted. */
  readonly hasImportedKeys: boolean;
  /**
   * Finds the imported key of a secret. MUST NOT hash a secret that cannot be one: while there are none, or when
   * `hasImportedKeyLength` rejects it. decide/ WILL pass texts of any length.
   */
  importedKeyBySecret(secret: string): KeyRecord | undefined;
  key(id: string): KeyRecord | undefined;
  account(id: string): AccountRecord | undefined;
  plan(id: string): Plan | undefined;
  /** The issuers and keys whose tokens are accepted. */
  readonly trust: TokenTrust;
  isRevoked(token: VerifiedToken): boolean;
}

/** The devices of the catalog. An account may be one that the catalog does not have. Empty: requests without a credential. */
export interface CatalogDevices {
  /** Changes whenever any device changes. */
  readonly version: number;
  find(key: DeviceKey): 'known' | 'blocked' | undefined;
  deviceCount(accountId: string): number;
  /** The number of devices that are not blocked. */
  unblockedCount(accountId: string): number;
  /** Whether the device is one of the first `count` that were registered for its account and are not blocked. */
  isAmongFirst(key: DeviceKey, count: number): boolean;
}

/** The devices of the catalog, and those that this node has registered since. Reading MUST be from memory. */
export interface DeviceRegistry {
  readonly registration: Exclude<DeviceRegistration, 'off'>;
  /** Returns the key of the device that a header names. `find` and `note` are faster with the same object. */
  identify(accountId: string, header: string): DeviceKey;
  find(key: DeviceKey): 'known' | 'blocked' | undefined;
  /** Whether a device is one of the first `count` of its account. One that is not registered would be the next. */
  isAmongFirst(key: DeviceKey, count: number): boolean;
  /** Whether `register` would register another device of the account that counts against a plan. */
  hasRoom(accountId: string): boolean;
  /** Registers a new device, unless there are too many. */
  register(use: DeviceUse): void;
  /** Counts a request of a registered device, and its time. `isAllowed`: Check lets it pass. */
  note(use: DeviceUse, isAllowed: boolean): void;
}

/** The device of a request. */
export interface DeviceUse {
  readonly key: DeviceKey;
  /** Whether it was registered before the request. */
  readonly isKnown: boolean;
  /** Whether this request registers it. */
  readonly isNew: boolean;
  /** Whether it counts against the plan of its account. Otherwise registering it can be left out. */
  readonly isCounted: boolean;
  /** IP address of the client. undefined: unknown. */
  readonly sourceAddress: string | undefined;
}

/** Whose usage a request is, and how many hits it costs. */
export interface Usage {
  /** The object that stands for the owner in memory. It stays the same while nothing of the owner changes. */
  readonly record: object;
  /** As credentials name it, without `accounts/`. Empty: no credential proves one. */
  readonly accountId: string;
  /** undefined: the credential is not an API key. */
  readonly keyId: string | undefined;
  /** undefined: there is no plan. */
  readonly planId: string | undefined;
  /** undefined: the request names none. */
  readonly route: string | undefined;
  readonly hits: number;
}

/** Counts requests for customers and billing. Both methods MUST return at once, and MUST NOT throw. */
export interface UsageTally {
  /** Counts a request. Hits count only if it is allowed. */
  record(usage: Usage, outcome: UsageOutcome): void;
  /** Adds hits to allowed requests that some node has counted before. Negative: gives hits back. */
  settle(owner: UsageDimensions, hits: number): void;
}

/** Verifies the signatures of tokens. */
export interface TokenVerifier {
  /** The claim `iss` of Weir's own tokens. */
  readonly ownIssuer: string;
  /** Length of the longest token. decide/ WILL pass no longer one to `verify`. */
  readonly maxTokenBytes: number;
  /** Returns the verification of a token seen before. undefined: `verify` has to run. `now` is Unix time in ms. */
  cached(token: string, now: number): Verification | undefined;
  /**
   * MUST call `done` exactly once, at once or within a bounded time, with kind `unavailable` if it cannot verify the
   * token. `source` tells senders apart, so that none of them can crowd out the others.
   */
  verify(token: string, source: string, done: (verification: Verification) => void): void;
}
