import { createHash } from 'node:crypto';
import type { Charge, Correction } from '../../../decide/ports.ts';
import { type CounterChange, CREDITS_REQUEST_SECONDS } from '../../../domain/counting/counter-admin.ts';
import { counterSpec } from '../../../domain/counting/counter-spec.ts';
import { CREDITS_END } from '../../../domain/counting/credit-balance.ts';
import type { CountedLimit } from '../../../domain/limits/limit.ts';
import { creditsRequestId } from '../../credits-request.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { computeVirtualTag, formatCounterKey, formatUsedIdKey } from './counter-key.ts';

/** How the script uses the charges of a spec (lua/parts/specs.lua). 0: it charges them if they are granted. */
const SETTLEMENT = 1;
const CHARGED_IF_REJECTED = 2;

/**
 * Collects the keys and counter specs of one script call, each once (lua/parts/specs.lua, `ARGV`). Indexes count from 1,
 * as in Lua.
 */
export class ScriptArgumentsBuilder {
  readonly #prefix: string;
  /** µs since 1970, for the periods of calendar limits. */
  readonly #now: number;
  readonly #keys: string[] = [];
  readonly #subjectIndexes = new Map<string, number>();
  readonly #specArgs: number[] = [];
  #specCount = 0;
  readonly #specIndexes = new Map<CountedLimit, number>();
  /** Specs of charges that settle or that are spent later, by both of these. */
  readonly #variantSpecIndexes = new Map<string, Map<CountedLimit, number>>();

  constructor(prefix: string, now: number) {
    this.#prefix = prefix;
    this.#now = now;
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  /** Adds the key of a subject unless the call has it, and returns its index. */
  addSubject(subject: string): number {
    const existing = this.#subjectIndexes.get(subject);
    if (existing !== undefined) return existing;
    const index = this.addKey(formatCounterKey(this.#prefix, subject));
    this.#subjectIndexes.set(subject, index);
    return index;
  }

  /** Adds a key that the call does not have yet, and returns its index. */
  addKey(key: string): number {
    return this.#keys.push(key);
  }

  /** Adds the spec of a charge's counter unless the call has it, and returns its index. */
  addSpec({ limit, isSettlement = false, spentWithinMicros = 0 }: Charge): number {
    const indexes =
      isSettlement || spentWithinMicros > 0
        ? this.#indexesOfVariant(isSettlement, spentWithinMicros)
        : this.#specIndexes;
    const existing = indexes.get(limit);
    if (existing !== undefined) return existing;
    this.#appendSpec(limit, isSettlement, spentWithinMicros);
    indexes.set(limit, this.#specCount);
    return this.#specCount;
  }

  /** Returns the arguments of the call; `rest` are those that come after the specs. */
  build(...rest: readonly string[]): ScriptArguments {
    return { keys: this.#keys, args: [this.#specCount, ...this.#specArgs, ...rest] };
  }

  #indexesOfVariant(isSettlement: boolean, spentWithinMicros: number): Map<CountedLimit, number> {
    const variant = `${isSettlement}|${spentWithinMicros}`;
    const existing = this.#variantSpecIndexes.get(variant);
    if (existing !== undefined) return existing;
    const indexes = new Map<CountedLimit, number>();
    this.#variantSpecIndexes.set(variant, indexes);
    return indexes;
  }

  #appendSpec(limit: CountedLimit, isSettlement: boolean, spentWithinMicros: number): void {
    const spec = counterSpec(limit, this.#now);
    const args = this.#specArgs;
    args.push(hashLimitIdentity(limit));
    switch (spec.kind) {
      case 'window':
        args.push(1, spec.requests, spec.resolutionMicros, spec.lifetimeMicros, 0);
        break;
      case 'calendar':
        args.push(2, spec.requests, spec.start, spec.end, spec.nextEnd);
        break;
      case 'token_bucket':
        args.push(3, spec.requests, spec.windowMicros, spec.burst, 0);
        break;
      case 'credits':
        args.push(4, spec.requests, CREDITS_END, 0, 0);
        break;
    }
    const isChargedIfRejected = limit.chargeRejected === true && spentWithinMicros === 0;
    args.push(
      spec.blockMicros,
      spentWithinMicros,
      isSettlement ? SETTLEMENT : isChargedIfRejected ? CHARGED_IF_REJECTED : 0,
    );
    this.#specCount++;
  }
}

/** Builds a call of the correct script, which has one spec. `now` is in µs since 1970. */
export function buildCorrection(prefix: string, correction: Correction, now: number): ScriptArguments {
  const { subject, limit, change } = correction;
  const builder = new ScriptArgumentsBuilder(prefix, now);
  builder.addSubject(subject);
  builder.addSpec({ subject, limit, hits: 0 });
  const requestId = creditsRequestId(correction);
  if (requestId !== undefined) builder.addKey(formatUsedIdKey(prefix, computeVirtualTag(subject), requestId));
  return builder.build(change.kind, String(correctionAmount(change)), String(CREDITS_REQUEST_SECONDS));
}

function correctionAmount(change: CounterChange): number {
  if (change.kind === 'block') return change.microseconds;
  return change.kind === 'add_credits' ? change.credits : 0;
}

const IDENTITY_HASH_BYTES = 6;
const identityHashes = new WeakMap<CountedLimit, number>();

/**
 * Hashes a limit's identity: the first six bytes of its SHA-1. A subject's value names its limits by this hash, so two
 * limits of one subject count as one only if they agree in all 48 bits.
 */
export function hashLimitIdentity(limit: CountedLimit): number {
  const cached = identityHashes.get(limit);
  if (cached !== undefined) return cached;
  const hash = createHash('sha1').update(limit.identity).digest().readUIntBE(0, IDENTITY_HASH_BYTES);
  identityHashes.set(limit, hash);
  return hash;
}
