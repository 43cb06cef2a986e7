import { MessageCache } from '../../collections/message-cache.ts';
import { PLANS_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import { EMPTY_RULE_BOOK, type RuleBook } from '../../domain/rules/rule-book.ts';
import type { Catalog } from '../ports.ts';
import type { PreparedDecision } from '../prepared-decision.ts';
import {
  mayBeRedemption,
  prepareRateLimit,
  type RateLimitOptions,
  type RateLimitQuestion,
} from './prepare-rate-limit.ts';
import { PreparedRateLimit } from './prepared-rate-limit.ts';
import type { RateLimitVerdict } from './rate-limit-verdict.ts';

/** Decodes a RateLimitRequest. Throws if the bytes are not one. */
export type RateLimitDecoder = (message: Uint8Array) => RateLimitQuestion;

/**
 * Prepares RateLimitRequests and caches those that repeat. What the rules make of a request depends on its bytes alone,
 * and Envoy sends the same bytes for the same client. The charges of a cached request are the same objects each time,
 * so the store finds their counters faster.
 */
export class PreparedRateLimitCache {
  readonly #decode: RateLimitDecoder;
  readonly #rules: { readonly book: RuleBook };
  readonly #catalog: Catalog;
  readonly #options: RateLimitOptions;
  readonly #cached = new MessageCache<PreparedRateLimit>();
  /** The rule book that the cached requests were prepared with. */
  #book = EMPTY_RULE_BOOK;

  /** A reload of the rules replaces `rules.book`. */
  constructor(
    decode: RateLimitDecoder,
    rules: { readonly book: RuleBook },
    catalog: Catalog,
    options: RateLimitOptions = {},
  ) {
    this.#decode = decode;
    this.#rules = rules;
    this.#catalog = catalog;
    this.#options = options;
  }

  /** Throws what the decoder throws. `now` is Unix time in ms. */
  prepare(message: Uint8Array, now: number): PreparedDecision<RateLimitVerdict> {
    const { book } = this.#rules;
    if (book !== this.#book) {
      this.#book = book;
      this.#cached.clear();
    }
    const cached = this.#cached.get(message);
    if (cached !== undefined) return cached;
    const question = this.#decode(message);
    const prepared = prepareRateLimit(question, book, this.#catalog, now, this.#options);
    // Plans may change before the next request, a receipt can be used once, and a key may arrive that makes one valid.
    const isCacheable = question.domain !== PLANS_DOMAIN && !question.descriptors.some(mayBeRedemption);
    if (isCacheable && prepared instanceof PreparedRateLimit && this.#cached.offer(message, prepared)) {
      for (const charge of prepared.charges) charge.storeHandle = null;
    }
    return prepared;
  }
}
